"""`opsci-bridge`: the engine without a terminal."""

from bridge.command.main import main

__all__ = ["main"]
