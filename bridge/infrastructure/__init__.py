"""What the three servers say of themselves, for a person who looks after the chain: nothing is changed there."""
