"""`python -m tests.faults.outside`: every trial, a line each."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.faults.outside.attacks import ATTACKS
from tests.faults.outside.chain import Chain
from tests.faults.outside.kills import KILLS


def main() -> int:
    """Run all trials, or those named.

    Returns:
        0 if every promise held, 1 otherwise.
    """
    trials = {trial.__name__: trial for trial in (*ATTACKS, *KILLS)}
    parser = argparse.ArgumentParser("python -m tests.faults.outside", description=__doc__)
    parser.add_argument("--secure", action="store_true", help="the secured profile")
    parser.add_argument("--rounds", type=int, default=1, help="how many times (default: 1)")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(trials))
    options = parser.parse_args()
    broken = 0
    with (
        tempfile.TemporaryDirectory(prefix="opsci-outside-") as folder,
        Chain(Path(folder) / "state", secure=options.secure) as chain,
    ):
        for name in [*(options.names or trials)] * options.rounds:
            begun = time.monotonic()
            try:
                wrong = trials[name](chain)
            except Exception as error:  # whatever it is, the promise did not hold
                wrong = f"{type(error).__name__}: {error}"
            broken += bool(wrong)
            took = f"{time.monotonic() - begun:.0f} s"
            sys.stdout.write(f"{'BROKEN' if wrong else 'held  '}  {name} ({took}) {wrong}\n")
            sys.stdout.flush()
            for engine in chain.engines:
                engine.end(signal.SIGKILL)
            chain.engines.clear()
            chain.command("up")
            chain.look()
    sys.stdout.write(f"{broken} broken\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
