"""The goals, as data, and whether they were met. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["GOALS", "Goal", "Verdict", "judge"]


@dataclass(frozen=True)
class Goal:
    """One goal.

    Attributes:
        key: a ratio, as `ingest-backlog/mq-bridge`; or a work and one of its contenders, whose median counts; or a
            further figure appended to that.
        kind: whether `key` names a ratio or a median.
        bound: the smallest or largest accepted value.
        least: whether `bound` is the smallest.
        text: the goal in words.
        reason: why it is missed, if so and as far as known.
    """

    key: str
    kind: Literal["ratio", "median"]
    bound: float
    least: bool
    text: str
    reason: str = ""


@dataclass(frozen=True)
class Verdict:
    """A goal and its measurement.

    Attributes:
        goal: the goal.
        found: the measured value, None if there is none.
    """

    goal: Goal
    found: float | None

    @property
    def met(self) -> bool | None:
        """Whether the goal was met, None if nothing was measured."""
        if self.found is None:
            return None
        return self.found >= self.goal.bound if self.goal.least else self.found <= self.goal.bound


def _over(key: str, bound: float, text: str, reason: str = "") -> Goal:
    return Goal(key, "ratio", bound, least=True, text=text, reason=reason)


def _under(key: str, bound: float, text: str, kind: Literal["ratio", "median"] = "ratio", reason: str = "") -> Goal:
    return Goal(key, kind, bound, least=False, text=text, reason=reason)


_RINGS: Final = (
    "The rings of three panes, their dead letters and 20,000 journeys that are remembered take 30 MB, Textual's "
    "windows and strips some 10, Python with its libraries 54."
)

_FRAMES: Final = (
    "Three servers, the engine and the screen share two cores, and the last two Python's lock. At most 30 frames are "
    "painted a second, so half of the way is the wait for the next one, and what comes while a batch is applied waits "
    "for the end of it. Where others take half of the machine, each hop waits for a core as well."
)


GOALS: Final = (
    _over("ingest-backlog/mq-bridge", 2, "from a backlog at least 2 x mq-bridge"),
    _over("ingest-backlog/flechtwerk", 6, "from a backlog at least 6 x flechtwerk"),
    _over("ingest-live/mq-bridge", 1, "live at least mq-bridge"),
    _over("ingest-live/flechtwerk", 5, "live at least 5 x flechtwerk"),
    _over("ingest-live/mqttjs-kafkajs", 8, "live at least 8 x MQTT.js with kafkajs"),
    _under("ingest-live/flechtwerk/cpu", 0.2, "live at most a fifth of flechtwerk's CPU a message"),
    _over(
        "ingest-websockets/tcp",
        0.7,
        "over websockets at least 0.7 x our own over TCP",
        reason=(
            "Mosquitto puts each message into a websocket frame of its own, which is found before the message in it is."
        ),
    ),
    _under("journal/blank-journal/cpu", 1.1, "the journal costs at most a tenth of the engine's CPU"),
    _over("apply/get-put", 100, "by the ledger at least 100 x GET-then-PUT of one writer"),
    _over("apply/rest5/get-put", 10, "by plain REST, merged, at least 10 x GET-then-PUT of one writer"),
    _under("start/stack-up", 20, "a warm `stack up` in 20 s", "median"),
    _under("first-frame/tui", 1, "`opsci-tui` to its first frame in 1 s", "median"),
    _under("first-frame/stack-run", 3, "`stack run` to its first frame in 3 x what `opsci-tui` takes"),
    _under(
        "idle/tui",
        2,
        "idle with three panes under 2 % of a core",
        "median",
        reason=(
            "Kafka is asked for records twice a second and for the lag once, Strapi every two for what changed, and "
            "the panes look once a second for ages and rates."
        ),
    ),
    _under("publish-to-row/tui", 50, "from publishing to the row on the screen 50 ms at p50", "median", reason=_FRAMES),
    _under(
        "publish-to-row/tui/p99 ms",
        250,
        "from publishing to the row on the screen 250 ms at p99",
        "median",
        reason=_FRAMES,
    ),
    _under(
        "keys-in-flood/tui",
        100,
        "a key is answered within 100 ms at p99 under 5,000 messages/s",
        "median",
        reason=(
            "A key takes a dozen turns of the screen's loop, and in each it may wait for Python's lock and for a core, "
            "which three servers want as well."
        ),
    ),
    _under(
        "keys-in-flood/tui/memory MB",
        150,
        "screen and engine under 150 MB after an hour's messages",
        "median",
        reason=_RINGS,
    ),
    _under(
        "keys-in-flood/tui/growth % once the rings are full",
        3,
        "and flat once the rings are full (3 %)",
        "median",
        reason=_RINGS,
    ),
    _under(
        "memory/opsci",
        80,
        "`opsci-bridge` under 80 MB after an hour's worth of messages",
        "median",
        reason=(
            "53 MB are Python with its libraries before the first message. At full speed up to 20,000 messages are in "
            "hand or remembered, of 17 objects each: 25 MB; Kafka's batches, the remembered packet ids and what the "
            "allocator keeps of them are the rest. It does not grow."
        ),
    ),
    _under("growth-engines/2/cpu", 1.1, "2 engines: the CPU a message does not rise (within 10 %)"),
    _under("growth-engines/4/cpu", 1.1, "4 engines: the CPU a message does not rise (within 10 %)"),
    _under(
        "growth-partitions/60/cpu",
        1.1,
        "60 partitions: the CPU a message does not rise (within 10 %)",
        reason=(
            "Messages are written by the partition: ten times as many batches, each with a header, a "
            "checksum and a future of its own: some 40 us. With mqtt.in_flight and ingest.pending at 6,000, which "
            "takes 6 MB more, a batch holds half as many messages again and it is 1.06."
        ),
    ),
    _over(
        "growth-products/100000",
        0.9,
        "100,000 products: the rate does not fall (within 10 %)",
        reason=(
            "A batch of 1,000 movements changes the stock of 1,000 products where it changed that of some 30, "
            "each with its index entries: to read them, to change them and to write their pages takes 9 ms more. "
            "Strapi is at 0.9 of a core."
        ),
    ),
    _over(
        "growth-ledger/1000000",
        0.9,
        "1,000,000 recorded movements: the rate does not fall (within 10 %)",
        reason="Each batch looks its movement ids up in an index that no longer stands in memory as a whole.",
    ),
)
"""The goals, in the order of the table."""


def judge(ratios: Mapping[str, float], medians: Mapping[str, float], goals: Iterable[Goal] = GOALS) -> list[Verdict]:
    """Compare the measurements with the goals.

    Args:
        ratios: by `work/peer`.
        medians: by `work/contender`.
        goals: the goals.
    """
    return [Verdict(goal, ratios.get(goal.key) if goal.kind == "ratio" else medians.get(goal.key)) for goal in goals]
