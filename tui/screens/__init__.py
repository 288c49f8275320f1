"""The screens: the panes and the form, one record in full, and the keys."""
