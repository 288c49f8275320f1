"""Amounts under a name, kept in the settings file, for what a person sends again and again."""
