"""The server of the web client in stack/web, which reads the stock for it: `python3 -m stack.webserver`."""
