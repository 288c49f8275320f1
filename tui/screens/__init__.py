"""The screens: the panes and the form, one record in full, the help and others."""
