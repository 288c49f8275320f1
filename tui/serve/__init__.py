"""The screen served to browsers."""
