"""An HTTP/1.1 server for GET and HEAD whose memory, threads and connections are bounded."""
