"""The servers: how each is set up, started, asked whether it is well, and stopped."""
