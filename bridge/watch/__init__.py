"""Watching a chain whose engines run elsewhere, without changing any offset, session or partition."""
