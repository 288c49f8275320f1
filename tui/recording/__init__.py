"""Recording of the screen as an asciicast, from a session or a tour, and films made from a cast."""
