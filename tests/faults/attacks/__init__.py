"""Attacks on the running chain by a stranger: `python3 -m stack faults --attacks`."""
