"""The memory that a journal takes, measured in a separate process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
MEGABYTE = 1_000_000


def peaks_of(records: int, kept: int, look: int) -> tuple[int, ...]:
    """The peak memory in bytes of a process that passes `records` through a journal that keeps `kept`.

    Returns:
        After `look` records, and in the end.
    """
    command = [sys.executable, "-m", "tests.unit.journal_flow", *map(str, (records, kept, look))]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return tuple(map(int, done.stdout.split()))


def test_a_million_records_pass_in_200_megabytes_and_cost_only_what_is_kept() -> None:
    # Journeys are found by identity for up to four times as many as a pane keeps.
    full, passed = peaks_of(1_000_000, 50_000, 200_000)
    assert passed < 200 * MEGABYTE
    assert passed < 1.05 * full, f"it was full at {full:,} bytes, and {passed:,} were taken in the end"
