"""The widgets: panes over the journal's rings, the form, the status line and others."""
