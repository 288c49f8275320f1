"""Steps the wall clock of one Python process: Python imports this module before anything else if it is on the path.

At each call, `time.time`, `time.time_ns` and the Python functions based on them (`datetime` reads the clock in C and is
not stepped) add the seconds in the file OPSCI_CLOCK, a little-endian double. The monotonic clock is unaffected, as on a
machine whose clock is set.
"""

from __future__ import annotations

import mmap
import os
import struct
import time

_file = os.environ.get("OPSCI_CLOCK", "")
if _file:
    with open(_file, "rb") as opened:  # noqa: PTH123 - nothing more than needed is imported here
        _offset = mmap.mmap(opened.fileno(), 8, access=mmap.ACCESS_READ)
    _now, _now_ns = time.time, time.time_ns

    def _stepped() -> float:
        seconds: float = struct.unpack_from("<d", _offset)[0]
        return _now() + seconds

    def _stepped_ns() -> int:
        seconds: float = struct.unpack_from("<d", _offset)[0]
        return _now_ns() + int(seconds * 1e9)

    time.time = _stepped
    time.time_ns = _stepped_ns
