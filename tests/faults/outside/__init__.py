"""The README's promises, tried from outside by what the README says alone: no code of this project is imported.

`python -m tests.faults.outside [--secure] [--rounds N] [NAME ...]` starts servers of its own by `python3 -m stack`,
talks to them as a stranger with paho and the standard library, and says of each trial whether the promise held.
"""
