"""Whose clock sets the timestamps of records: Kafka's in our topics, the writer's in topics left at the default.

In a topic with `message.timestamp.type=CreateTime`, Kafka's default, a record has the time of the machine that wrote
it. Retention uses it: if that clock is behind, records are deleted early, applied or not. If it is more than
`message.timestamp.after.max.ms` (an hour) ahead, Kafka refuses them. So the existence of such topics is logged, and a
wrong clock of this machine is shown on the screen before it does harm.
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
"""The topic setting that makes Kafka's own clock count."""

_LOOK: Final = 5.0
_TOPICS: Final = 120
"""Checks of the clock between two checks of the topics."""

_OFF: Final = 60.0
"""Seconds by which a clock may be off: HTTP dates have whole seconds, and an answer may be late."""

_HOUR: Final = 3_600
_NOTE: Final = "clock"


def goes_by_writer(config: Mapping[str, str]) -> bool:
    """Whether a topic with these settings keeps the writer's timestamps."""
    return config.get("message.timestamp.type") == "CreateTime"


class RecordTime:
    """Checks how the topics that the engine writes keep time, and the clock where it matters.

    Args:
        settings: the cluster's.
        topics: those that are written.
        journal: knows how far the clock is ahead of Strapi's, and gets the note.
    """

    def __init__(self, settings: KafkaSettings, topics: Iterable[str], journal: Journal) -> None:
        self._settings = settings
        self._topics = sorted(set(topics))
        self._journal = journal
        self._said: list[str] = []

    async def run(self) -> None:
        """Check until cancelled."""
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
            # Topics without retention delete nothing.
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
    """The warning about topics that keep the writer's timestamps."""
    return Phrase(
        "in {topics} Kafka keeps records by the clock of this machine (message.timestamp.type=CreateTime): one that is "
        "wrong has them deleted too early, or refused",
        topics=", ".join(topics),
    )
