"""What the three servers report about themselves, for the user who maintains the chain. Changes nothing on them."""
