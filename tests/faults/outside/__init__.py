"""The README's promises, tested from outside with the README's information only: no code of this project is imported.

`python -m tests.faults.outside [--secure] [--rounds N] [NAME ...]` starts its own servers by `python3 -m stack`, talks
to them as a stranger with paho and the standard library, and reports for each trial whether the promise held.
"""
