"""CPU seconds and resident memory of processes, read from /proc (proc(5)) while they work."""

from __future__ import annotations

import os
import threading
import time
from bisect import bisect_right
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

__all__ = ["Sample", "Watched", "between", "highest", "look"]

_EVERY: Final = 0.05
_TICK: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


class Sample(NamedTuple):
    """The resource use of a process at a time.

    Attributes:
        at: seconds since the epoch.
        cpu: CPU seconds, user and system, of all its threads.
        memory: resident bytes.
    """

    at: float
    cpu: float
    memory: int


def look(pid: int) -> Sample | None:
    """Sample a process; None if it has ended."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text[text.rindex(")") + 2 :].split()
    return Sample(time.time(), (int(fields[11]) + int(fields[12])) / _TICK, int(fields[21]) * _PAGE)


def between(samples: Sequence[Sample], start: float, stop: float) -> float:
    """Return the CPU seconds that a process used between two times, interpolated linearly between its samples.

    Args:
        samples: in order of time.
        start: seconds since the epoch.
        stop: seconds since the epoch, not before `start`.
    """
    return _cpu_at(samples, stop) - _cpu_at(samples, start) if samples else 0.0


def highest(samples: Sequence[Sample]) -> int:
    """Return the most resident bytes among the samples, 0 if there are none."""
    return max((sample.memory for sample in samples), default=0)


def _cpu_at(samples: Sequence[Sample], moment: float) -> float:
    after = bisect_right([sample.at for sample in samples], moment)
    if after == 0:
        return samples[0].cpu
    if after == len(samples):
        return samples[-1].cpu
    left, right = samples[after - 1], samples[after]
    return left.cpu + (right.cpu - left.cpu) * (moment - left.at) / (right.at - left.at)


class Watched:
    """Samples processes twenty times a second from a thread; use it as a context manager.

    Args:
        pids: the processes, by name.

    Attributes:
        samples: the samples, by name.
    """

    def __init__(self, pids: Mapping[str, int]) -> None:
        self.samples: dict[str, list[Sample]] = {name: [] for name in pids}
        self._pids = dict(pids)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watched", daemon=True)

    def __enter__(self) -> Self:
        self._look()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join()

    def cpu(self, start: float, stop: float) -> dict[str, float]:
        """Return the CPU seconds of each process between two times."""
        return {name: between(samples, start, stop) for name, samples in self.samples.items()}

    def memory(self) -> dict[str, int]:
        """Return the most resident bytes of each process."""
        return {name: highest(samples) for name, samples in self.samples.items()}

    def _run(self) -> None:
        while not self._end.wait(_EVERY):
            self._look()

    def _look(self) -> None:
        for name, pid in self._pids.items():
            if sample := look(pid):
                self.samples[name].append(sample)
