"""The machine of a measurement."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

__all__ = ["Machine"]


@dataclass(frozen=True)
class Machine:
    """A machine at a time.

    Attributes:
        cpu: the processor's model.
        cores: number of cores this process may use.
        memory: bytes of main memory.
        system: kernel and release.
        python: the running Python's version.
        date: UTC, ISO 8601.
        load: the load average of the last minute, before anything was started.
    """

    cpu: str
    cores: int
    memory: int
    system: str
    python: str
    date: str
    load: float

    @classmethod
    def here(cls) -> Machine:
        """Return this machine, now."""
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        return cls(
            cpu=found[1] if found else platform.machine(),
            cores=len(os.sched_getaffinity(0)),
            memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
            system=f"{platform.system()} {platform.release()}",
            python=platform.python_version(),
            date=datetime.now(UTC).isoformat(timespec="seconds"),
            load=os.getloadavg()[0],
        )

    def line(self) -> str:
        """Describe it in one line."""
        return (
            f"{self.cpu}, {self.cores} cores, {self.memory / 2**30:.0f} GiB, {self.system}, Python {self.python}, "
            f"{self.date}, load before {self.load:.1f}"
        )

    def as_dict(self) -> dict[str, str | int | float]:
        """Return all fields for JSON."""
        return asdict(self)
