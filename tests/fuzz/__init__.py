"""What comes from outside, at random: `python -m tests.fuzz [--seconds N] [target]`, and hypothesis in tests/unit."""
