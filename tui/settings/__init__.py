"""The settings screen: shows, tries and saves the settings, and applies the keys they give."""
