"""`opsci-bridge`: the engine without a terminal."""
