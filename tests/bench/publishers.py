"""Several publisher processes, started together, and their reports."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from stack.paths import ROOT
from stack.tool import end_with_runner

__all__ = ["Published", "publish_all", "rate_alone"]


class Published(NamedTuple):
    """The joint result of several publishers.

    Attributes:
        began: seconds since the epoch when the first one sent its first message.
        finished: seconds since the epoch when the broker had acknowledged the last message of the last one.
        cpu: their CPU seconds, including the preparation of the frames.
    """

    began: float
    finished: float
    cpu: float


def publish_all(port: int, topic: str, count: int, publishers: int = 2) -> Published:
    """Publish movements 0 to `count` - 1 by several publishers at once, each its share.

    Raises:
        subprocess.CalledProcessError: one failed.
    """
    bounds = [count * place // publishers for place in range(publishers + 1)]
    started = []
    for first, stop in pairwise(bounds):
        argv = [sys.executable, "-m", "tests.bench.publisher", str(port), topic, str(first), str(stop - first)]
        started.append(
            subprocess.Popen(end_with_runner(argv), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        )
    for process in started:
        if process.stdout is None or process.stdout.readline() != "ready\n":
            raise subprocess.CalledProcessError(process.wait(), process.args)
    for process in started:
        if process.stdin is not None:
            process.stdin.write("go\n")
            process.stdin.flush()
    said = [json.loads(process.communicate()[0]) for process in started]
    return Published(
        min(one["began"] for one in said), max(one["acknowledged"] for one in said), sum(one["cpu"] for one in said)
    )


@lru_cache(maxsize=4)
def rate_alone(port: int, count: int, publishers: int = 2) -> float:
    """Measure the messages/s of the publishers and the broker without subscribers."""
    done = publish_all(port, "bench/nobody", count, publishers)
    return count / (done.finished - done.began)
