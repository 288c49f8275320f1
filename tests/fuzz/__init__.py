"""Random input from outside: `python -m tests.fuzz [--seconds N] [target]`, and hypothesis in tests/unit."""
