"""Dead letters: what could not be applied, to be mended and sent again, or dropped."""
