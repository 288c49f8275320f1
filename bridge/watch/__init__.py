"""Watching a chain that other engines carry: it moves no position, no session and no partition."""
