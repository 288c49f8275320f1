"""Recording: what the screen shows as an asciicast, from a session or by a tour, and films made of one."""
