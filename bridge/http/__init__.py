"""An HTTP/1.1 server for GET and HEAD with bounded memory, threads and connections."""
