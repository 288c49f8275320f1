"""What `opsci-bridge check` tries, server by server."""
