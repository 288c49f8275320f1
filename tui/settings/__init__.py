"""The settings as the screen shows, tries and keeps them, and the keys that they give."""
