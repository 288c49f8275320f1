"""The line in a pane in which a person types how the stock of its rows is to move."""
