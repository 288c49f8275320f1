"""The form that moves stock from the keyboard, and what became of the movements that it sent."""
