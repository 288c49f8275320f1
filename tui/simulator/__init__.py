"""Simulated objects from the keyboard: asked for, said while they send, and stopped."""
