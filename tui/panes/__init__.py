"""The three live panes: lines drawn straight from the journal's rings, pulled by one timer."""
