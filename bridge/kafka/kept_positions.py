"""This engine's own record of its offsets, in a file.

Kafka drops the offsets of a group that was away for a week (`offsets.retention.minutes`), deletes them with the group,
and lets any member of the group, or any tool, set them. Then Kafka no longer knows where this engine stopped, and only
this record shows what was skipped.
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

__all__ = ["OURS", "KeptPosition", "KeptPositions"]

_log = logging.getLogger(__name__)

OURS: Final = "opsci"
"""The metadata that an engine commits with an offset; other programs and tools write something else."""

_APART: Final = 1.0
"""Seconds between two writes, at least."""


class KeptPosition(NamedTuple):
    """The state of this engine in a partition.

    Attributes:
        position: the offset of the first record that it had not settled.
        newest: the newest timestamp of its settled records, in milliseconds since the epoch; 0 if there are none.
    """

    position: int
    newest: int = 0


class _File(msgspec.Struct):
    cluster: str = ""
    topics: dict[str, dict[str, KeptPosition]] = {}


_decode: Final = msgspec.json.Decoder(_File).decode


class KeptPositions:
    """The file, read when the object is created.

    Args:
        path: the file; the first `save` creates it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._cluster = ""
        self._positions: dict[tuple[str, int], KeptPosition] = {}
        self._saved_at = float("-inf")
        self._changed = self._complained = False
        self._read()

    @classmethod
    def of(cls, settings: KafkaSettings) -> KeptPositions:
        """The record of a group at a cluster's addresses, in the folder of the file of known servers."""
        folder = KnownServers.of(settings.known_file).path.parent
        name = " ".join([*sorted(set(settings.brokers)), settings.group])
        return cls(folder / f"kafka-positions-{hashlib.sha256(name.encode()).hexdigest()[:16]}.json")

    def are_of(self, cluster: str | None) -> None:
        """Forget the offsets if another cluster answers at these addresses now.

        Args:
            cluster: its id; None if it has none.
        """
        if cluster and self._cluster and cluster != self._cluster:
            _log.warning("where this engine stood in the Kafka cluster %s does not count in %s", self._cluster, cluster)
            self._positions.clear()
        self._cluster = cluster or self._cluster

    @property
    def topics(self) -> frozenset[str]:
        """The topics in which this engine has offsets."""
        return frozenset(topic for topic, _ in self._positions)

    def of_partition(self, partition: tuple[str, int]) -> KeptPosition | None:
        """The state in a partition; None if there is none."""
        return self._positions.get(partition)

    def put(self, partition: tuple[str, int], position: int) -> None:
        """Set where reading continues in a partition."""
        before = self._positions.get(partition)
        newest = before.newest if before is not None and before.position <= position else 0
        self._positions[partition] = KeptPosition(position, newest)
        self._changed = True

    def settled(self, records: Iterable[ConsumedRecord]) -> None:
        """Note records as settled; those of a partition must be in order."""
        for record in records:
            partition = record.topic, record.partition
            before = self._positions.get(partition)
            newest = record.timestamp if before is None else max(before.newest, record.timestamp)
            self._positions[partition] = KeptPosition(record.offset + 1, newest)
            self._changed = True

    def save(self, *, soon: bool = True) -> None:
        """Write the file if anything changed, at most once a second; a failure is logged once.

        Args:
            soon: whether writing may wait for a later call; False writes at once.
        """
        if not self._changed or (soon and time.monotonic() - self._saved_at < _APART):
            return
        self._saved_at, self._changed = time.monotonic(), False
        topics: dict[str, dict[str, KeptPosition]] = {}
        for (topic, partition), stood in self._positions.items():
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
            self._positions = {
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
