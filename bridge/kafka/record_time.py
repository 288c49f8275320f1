"""By whose clock Kafka keeps records: its own in our topics, the engine's in those of others that stayed as they were.

A record of a topic with `message.timestamp.type=CreateTime`, which is Kafka's default, has the time of the machine
that wrote it. Retention goes by it: written by a clock that is behind, records are deleted before their time, be they
applied or not. By a clock that is more than `message.timestamp.after.max.ms` ahead (an hour), Kafka refuses them. So
where there are such topics that is said, and where this machine's clock is seen to be off, said on the screen before it
does harm.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from bridge.backoff import pause
from bridge.kafka.refusal import set_topic, topic_configs
from bridge.phrase import Phrase

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bridge.journal import Journal
    from bridge.settings import KafkaSettings

__all__ = ["LOG_APPEND_TIME", "RecordTime", "by_writers_clock", "goes_by_writer"]

_log = logging.getLogger(__name__)

LOG_APPEND_TIME: Final = "message.timestamp.type=LogAppendTime"
"""Kafka's own clock counts."""

_LOOK: Final = 5.0
_TOPICS: Final = 120
"""How many looks at the clock go by between two looks at the topics."""

_OFF: Final = 60.0
"""Seconds by which a clock may be off; HTTP tells whole ones, and an answer may be late."""

_HOUR: Final = 3_600
_NOTE: Final = "clock"


def goes_by_writer(config: Mapping[str, str]) -> bool:
    """Whether a topic with these settings keeps the time that the writer says."""
    return config.get("message.timestamp.type") == "CreateTime"


class RecordTime:
    """Looks how the topics that the engine writes keep time, and at the clock where it matters.

    Args:
        settings: the cluster's.
        topics: which are written.
        journal: which knows how far the clock is off Strapi's, and where it is noted.
    """

    def __init__(self, settings: KafkaSettings, topics: Iterable[str], journal: Journal) -> None:
        self._settings = settings
        self._topics = sorted(set(topics))
        self._journal = journal
        self._said: list[str] = []

    async def run(self) -> None:
        """Look until cancelled."""
        looks, configs = 0, dict[str, dict[str, str]]()
        while True:
            if not configs or looks % _TOPICS == 0:
                configs = await topic_configs(self._settings, self._topics)
            theirs = [topic for topic, config in configs.items() if goes_by_writer(config)]
            if theirs and theirs != self._said:
                self._said = theirs
                _log.warning("%s (%s)", by_writers_clock(theirs), set_topic(theirs[0], LOG_APPEND_TIME))
            self._note(theirs, configs)
            looks += 1
            await pause(_LOOK)

    def _note(self, theirs: list[str], configs: Mapping[str, Mapping[str, str]]) -> None:
        ahead = self._journal.clock_ahead or 0.0
        if ahead >= _OFF:
            what = Phrase(
                "this machine's clock is {hours:,.1f} h ahead of Strapi's, and Kafka goes by it in {topics}: records "
                "that are further ahead of Kafka's own than message.timestamp.after.max.ms are refused",
                hours=ahead / _HOUR,
                topics=", ".join(theirs),
            )
        else:
            # What is kept for ever is not deleted too early.
            theirs = [topic for topic in theirs if configs[topic].get("retention.ms") != "-1"]
            what = Phrase(
                "this machine's clock is {hours:,.1f} h behind Strapi's, and Kafka goes by it in {topics}: it deletes "
                "records so much before their time, applied or not, and at once where retention.ms is less",
                hours=-ahead / _HOUR,
                topics=", ".join(theirs),
            )
        if theirs and abs(ahead) >= _OFF:
            self._journal.notes[_NOTE] = Phrase(
                "{what}; set the clock, or have Kafka's counted: {command}",
                what=what,
                command=set_topic(theirs[0], LOG_APPEND_TIME),
            )
        else:
            self._journal.notes.pop(_NOTE, None)


def by_writers_clock(topics: Sequence[str]) -> Phrase:
    """What to say of topics that keep the time that the writer says."""
    return Phrase(
        "in {topics} Kafka keeps records by the clock of this machine (message.timestamp.type=CreateTime): one that is "
        "wrong has them deleted too early, or refused",
        topics=", ".join(topics),
    )
