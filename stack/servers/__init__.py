"""The servers: how each is set up, started, checked and stopped."""
