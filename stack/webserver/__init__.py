"""What serves the web client of stack/web, and reads the stock for it: `python3 -m stack.webserver`."""
