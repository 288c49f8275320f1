"""Where this engine stood in each partition, in a file of its own.

Kafka forgets the position of a group that was away for a week (`offsets.retention.minutes`), deletes it with the group,
and lets any program of the group, or any tool, set it. What Kafka then says is no longer where this engine stood, and
only somebody who knows that can say what was passed over.
"""

from __future__ import annotations

import hashlib
import logging
import time
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from bridge.known_servers import KnownServers
from bridge.private_file import make_folder, replaced_file

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from bridge.kafka.record import ConsumedRecord
    from bridge.settings import KafkaSettings

__all__ = ["OURS", "KeptPositions", "Stood"]

_log = logging.getLogger(__name__)

OURS: Final = "opsci"
"""What an engine writes into the metadata of a position that it commits; a tool or another program has not."""

_APART: Final = 1.0
"""Seconds between two writes at least."""


class Stood(NamedTuple):
    """Where this engine stood in a partition.

    Attributes:
        position: the offset of the first record that it had not settled.
        newest: the newest timestamp of those that it had, in milliseconds since the epoch; 0 where it had none.
    """

    position: int
    newest: int = 0


class _File(msgspec.Struct):
    cluster: str = ""
    topics: dict[str, dict[str, Stood]] = {}


_decode: Final = msgspec.json.Decoder(_File).decode


class KeptPositions:
    """The file, read when it is made.

    Args:
        path: the file; it is made by the first `save`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._cluster = ""
        self._stood: dict[tuple[str, int], Stood] = {}
        self._saved_at = float("-inf")
        self._changed = self._complained = False
        self._read()

    @classmethod
    def of(cls, settings: KafkaSettings) -> KeptPositions:
        """Those of a group at the addresses of a cluster, beside the file of the known servers."""
        folder = KnownServers.of(settings.known_file).path.parent
        place = " ".join([*sorted(set(settings.brokers)), settings.group])
        return cls(folder / f"kafka-positions-{hashlib.sha256(place.encode()).hexdigest()[:16]}.json")

    def are_of(self, cluster: str | None) -> None:
        """Forget them where they are of another cluster than the one that answers at these addresses by now.

        Args:
            cluster: its id; None where it has none.
        """
        if cluster and self._cluster and cluster != self._cluster:
            _log.warning("where this engine stood in the Kafka cluster %s does not count in %s", self._cluster, cluster)
            self._stood.clear()
        self._cluster = cluster or self._cluster

    @property
    def topics(self) -> frozenset[str]:
        """The topics in which this engine has stood anywhere."""
        return frozenset(topic for topic, _ in self._stood)

    def of_place(self, place: tuple[str, int]) -> Stood | None:
        """Where it stood in a partition; None where it never did."""
        return self._stood.get(place)

    def put(self, place: tuple[str, int], position: int) -> None:
        """Note where it goes on in a partition, whatever was before."""
        before = self._stood.get(place)
        newest = before.newest if before is not None and before.position <= position else 0
        self._stood[place] = Stood(position, newest)
        self._changed = True

    def settled(self, records: Iterable[ConsumedRecord]) -> None:
        """Note records as settled, those of a partition in order."""
        for record in records:
            place = record.topic, record.partition
            before = self._stood.get(place)
            newest = record.timestamp if before is None else max(before.newest, record.timestamp)
            self._stood[place] = Stood(record.offset + 1, newest)
            self._changed = True

    def save(self, *, soon: bool = True) -> None:
        """Write the file where anything changed, at most once a second; what can't be written is said once.

        Args:
            soon: whether it may wait for a later call; False writes at once.
        """
        if not self._changed or (soon and time.monotonic() - self._saved_at < _APART):
            return
        self._saved_at, self._changed = time.monotonic(), False
        topics: dict[str, dict[str, Stood]] = {}
        for (topic, partition), stood in self._stood.items():
            topics.setdefault(topic, {})[str(partition)] = stood
        try:
            make_folder(self._path.parent)
            with replaced_file(self._path) as fresh:
                fresh.write_bytes(msgspec.json.encode(_File(self._cluster, topics)))
        except OSError as error:
            if not self._complained:
                _log.warning("where this engine stands in Kafka can't be kept: %s: %s", self._path, error.strerror)
            self._complained = True

    def _read(self) -> None:
        try:
            found = _decode(self._path.read_bytes())
            self._stood = {
                (topic, int(partition)): stood
                for topic, places in found.topics.items()
                for partition, stood in places.items()
            }
            self._cluster = found.cluster
        except FileNotFoundError:
            return
        except (OSError, ValueError, msgspec.DecodeError) as error:
            _log.warning(
                "where this engine stood in Kafka can't be read, so it goes by Kafka's word alone: %s: %s",
                *(self._path, error),
            )
