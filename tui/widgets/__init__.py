"""The widgets: panes over the journal's rings, the form, and what stands around them."""
