"""Attacks on the running chain, as a stranger tries them: `python3 -m stack faults --attacks`."""
