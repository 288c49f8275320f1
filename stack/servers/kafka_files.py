"""Checks of Kafka's data folder before Kafka starts: damaged files are moved aside, and restored if possible.

Kafka ends if one of its small files can't be read, starts an empty cluster if its metadata are empty, and ignores what
is missing at the end of a segment. The checks are for the formats of Kafka 4: record batches of magic 2 (as in Kafka's
protocol), checkpoints of version 0, `meta.properties` of version 1, `partition.metadata` of version 0.
"""

from __future__ import annotations

import json
import mmap
import re
import shutil
import struct
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from aiokafka.record.util import calc_crc32c

from bridge.private_file import damage_of
from stack.run_state import write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from stack.run_state import Damage

__all__ = ["Segment", "cluster_id", "keep_identity", "read_segment", "repair_data"]

_METADATA: Final = "__cluster_metadata-0"
_METADATA_TOPIC: Final = "AAAAAAAAAAAAAAAAAAAAAQ"
"""The id of the metadata topic in every cluster."""

_BATCH: Final = struct.Struct(">qiibIhiqqqhii")
"""The head of a batch: base offset, length from here on, leader epoch, magic, CRC-32C of everything after it,
attributes, last offset delta, first and last timestamp, producer id, producer epoch, first sequence, and number of
records.
"""

_BEFORE_LENGTH: Final = 12
_BEFORE_CHECKED: Final = 21
_CHECKED: Final = 32_000_000
"""How many bytes at the end of a segment are checked by checksum, which takes a fifth of a second."""

_SEGMENT: Final = re.compile(r"(\d{20})\.log")
_CHECKPOINTS: Final = (
    "recovery-point-offset-checkpoint",
    "log-start-offset-checkpoint",
    "replication-offset-checkpoint",
    "cleaner-offset-checkpoint",
)
_IDENTITY: Final = ("meta.properties", "bootstrap.checkpoint")
_MOMENT: Final = 10.0
_POLL: Final = 0.1
_AGAIN: Final = "Kafka finds out again what was in it: nothing is lost"


class Segment(NamedTuple):
    """The readable part of a partition's segment.

    Attributes:
        whole: where its intact batches begin and end, in bytes.
        end: the offset after their last record; the segment's own offset where there is none.
        records: how many records they contain.
        damage: what is wrong with it; empty where nothing is.
    """

    whole: list[tuple[int, int]]
    end: int
    records: int
    damage: str


def read_segment(path: Path, base: int) -> Segment:
    """Read the batches of a segment, and leave out those with a wrong checksum.

    Args:
        path: the file. In a large one the heads of all batches are read, and the checksums of the last ones.
        base: the offset at which it begins.

    Raises:
        OSError: it can't be read.
    """
    with path.open("rb") as file:
        if not path.stat().st_size:
            return Segment([], base, 0, "")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return _read_batches(content, base)


def _read_batches(content: mmap.mmap, base: int) -> Segment:
    whole: list[tuple[int, int]] = []
    end, records, place, damage = base, 0, 0, ""
    while place < len(content):
        head = content[place : place + _BATCH.size]
        if len(head) < _BATCH.size:
            damage = "is cut short"
            break
        first, length, _, magic, checksum, _, delta, *_, count = _BATCH.unpack(head)
        after = place + _BEFORE_LENGTH + length
        if magic != 2 or length < _BATCH.size - _BEFORE_LENGTH or first < end or delta < 0:
            damage = f"is damaged at byte {place}" if any(head) else f"holds NUL bytes from byte {place} on"
            break
        if after > len(content):
            damage = "is cut short"
            break
        if after < len(content) - _CHECKED or calc_crc32c(content[place + _BEFORE_CHECKED : after]) == checksum:
            whole.append((place, after))
            end, records = first + delta + 1, records + count
        else:
            damage = f"is damaged at byte {place}"
        place = after
    return Segment(whole, end, records, damage)


def keep_identity(data: Path, kept: Path, partitions: Collection[str] = ()) -> None:
    """Copy what identifies a cluster, so that it can be restored: its id and the ids of its topics.

    Args:
        data: Kafka's intact data folder.
        kept: the folder of the copies; created if missing.
        partitions: the partition folders that a running Kafka was just asked to create; this waits up to ten seconds
            for them.

    Raises:
        OSError: something can't be read or written.
    """
    kept.mkdir(exist_ok=True, mode=0o700)
    for name in _IDENTITY:
        if (data / name).is_file():
            shutil.copyfile(data / name, kept / name)
    deadline = time.monotonic() + _MOMENT
    while True:
        topics = {file.parent.name: found for file in data.glob("*-*/partition.metadata") if (found := _topic_id(file))}
        if topics.keys() >= set(partitions) or time.monotonic() > deadline:
            break
        time.sleep(_POLL)
    write_whole(kept / "topics.json", json.dumps(topics, indent=1, sort_keys=True))


def cluster_id(kept: Path) -> str:
    """The copied cluster id, so that clients recognise a new storage; empty if there is none."""
    try:
        found = re.search(r"^cluster\.id=(\S+)$", (kept / "meta.properties").read_text(), re.MULTILINE)
    except (OSError, UnicodeDecodeError):
        return ""
    return found[1] if found else ""


def repair_data(data: Path, kept: Path, damage: Damage, *, replicated: bool = False) -> bool:
    """Move damaged files in the data folder of a stopped Kafka aside, and restore what is known.

    Args:
        data: the folder; it may be missing.
        kept: the copies of `keep_identity`.
        damage: moves files aside.
        replicated: whether other brokers have the same records, which this one then fetches.

    Returns:
        Whether the storage must be formatted, as it is missing or unusable.

    Raises:
        OSError: something can't be read or moved.
    """
    if not data.is_dir() or not any(data.iterdir()):
        return True
    for name in _IDENTITY:
        if not _repair_identity(data / name, kept / name, damage):
            return True
    if why := _damage_of_metadata(data):
        records = sum(_records(folder) for folder in data.glob("*-*") if folder.name != _METADATA)
        damage.move(
            data,
            why,
            f"The broker starts with an empty storage and fetches what the others have of its {records:,} records"
            if replicated
            else f"Kafka starts with an empty storage: its topics ({records:,} records) and the groups' positions in "
            "them are in that folder alone. Movements that had not come into the stock are lost, unknown how many",
        )
        return True
    for name in _CHECKPOINTS:
        _repair_file(data / name, _of_checkpoint, damage, _AGAIN)
    _repair_file(data / _METADATA / "quorum-state", _of_json, damage, _AGAIN)
    for path in (data / _METADATA).glob("*.checkpoint"):
        _repair_file(path, _of_snapshot, damage, _AGAIN)
    ends = _recovery_points(data)
    topics = _kept_topics(kept)
    for folder in sorted(data.glob("*-*")):
        if folder.is_dir():
            _repair_partition(folder, ends.get(folder.name, 0), topics, damage, replicated=replicated)
    keep_identity(data, kept)
    return False


def _repair_identity(path: Path, copy: Path, damage: Damage) -> bool:
    """Restore one of the files that `format` writes; return False if that is impossible."""
    why_not = _of_properties if path.suffix == ".properties" else _of_snapshot
    why = why_not(path) if path.is_file() else "is not there"
    if not why:
        return True
    restored = copy.is_file() and not why_not(copy)
    if path.exists():
        then = "It is restored from a copy: nothing is lost" if restored else "Kafka's storage is formatted again"
        damage.move(path, why, then)
    if restored:
        shutil.copyfile(copy, path)
    return restored


def _damage_of_metadata(data: Path) -> str:
    """What is wrong with the log of the cluster's metadata, without which the other data are meaningless."""
    folder = data / _METADATA
    segments = sorted(folder.glob("*.log")) if folder.is_dir() else []
    if not segments:
        return "has no metadata of the cluster"
    # Kafka stores the state of producers at its end in a file named by the offset.
    written = max([1, *(int(path.stem) for path in folder.glob("*.snapshot") if path.stem.isdigit())])
    for path in segments:
        found = read_segment(path, int(path.stem))
        if path == segments[-1]:
            # A killed broker may leave half a batch there, which it had acknowledged to no one.
            if found.end < written:
                return f"can't be used, as {_METADATA}/{path.name} {found.damage or 'is empty'}"
        elif found.damage:
            return f"can't be used, as {_METADATA}/{path.name} {found.damage}"
    for path in folder.glob("*.checkpoint"):
        if _of_snapshot(path) and int(segments[0].stem):
            return f"can't be used, as {_METADATA}/{path.name} can't be read"
    return ""


def _repair_partition(folder: Path, expected: int, topics: dict[str, str], damage: Damage, *, replicated: bool) -> None:
    """Repair one partition.

    Args:
        folder: the partition's.
        expected: the offset up to which its records were on the disk.
        topics: the copied ids of topics, by the name of a partition's folder.
        damage: moves files aside.
        replicated: as in `repair_data`.
    """
    identity = folder / "partition.metadata"
    if identity.exists() and not _topic_id(identity):
        topic = _METADATA_TOPIC if folder.name == _METADATA else topics.get(folder.name, "") or _of_a_sibling(folder)
        why = damage_of(identity.read_bytes()) or "is cut short"
        if topic:
            damage.move(identity, why, "The topic's id is restored: nothing is lost")
            write_whole(identity, f"version: 0\ntopic_id: {topic}")
        else:
            # Kafka does not start if its data folder contains an unknown folder.
            why = f"can't be used, as its partition.metadata {why}"
            if replicated:
                _have_fetched(folder, why, damage)
            else:
                then = f"Kafka makes the partition again, empty: its records are lost ({_records(folder):,})"
                damage.move(folder, why, then, into=folder.parent.parent)
            return
    _repair_file(folder / "leader-epoch-checkpoint", _of_checkpoint, damage, _AGAIN)
    if folder.name == _METADATA:
        return
    segments = sorted(path for path in folder.iterdir() if _SEGMENT.fullmatch(path.name))
    for number, path in enumerate(segments):
        is_last = number == len(segments) - 1
        after = expected if is_last else int(segments[number + 1].stem)
        found = read_segment(path, int(path.stem))
        # Deletion at the front and compaction leave gaps; an intact segment that ends early was truncated between
        # batches.
        missing = max(0, after - found.end) if is_last else 0
        if not (found.damage or missing):
            continue
        why = found.damage or ("is empty" if not found.whole else "is cut short")
        if replicated:
            _have_fetched(folder, f"can't be used, as {path.name} {why}", damage)
            return
        _repair_segment(path, found, missing, why, damage)


def _have_fetched(folder: Path, why: str, damage: Damage) -> None:
    """Move a partition aside that other brokers have too, so that this one fetches it from them."""
    # With this file the controller would assume that the broker has everything it had, and might make it the leader of
    # the partition (KIP-966).
    (folder.parent / ".kafka_cleanshutdown").unlink(missing_ok=True)
    then = f"The broker fetches again what the others have of its {_records(folder):,} records"
    damage.move(folder, why, then, into=folder.parent.parent)


def _repair_segment(path: Path, found: Segment, missing: int, why: str, damage: Damage) -> None:
    """Remove the unreadable part of a segment.

    Args:
        path: the segment.
        found: its readable part.
        missing: how many offsets are missing at its end.
        why: what is wrong with it.
        damage: moves files aside.
    """
    count = f"{missing:,}" if missing else "unknown how many"
    what = "positions of groups" if path.parent.name.startswith("__consumer_offsets") else "records"
    aside = damage.move(
        path,
        why,
        f"The {found.records:,} records that are whole stay, the other {what} are lost: {count}",
    )
    with aside.open("rb") as source, path.open("wb") as target:
        path.chmod(0o600)
        for start, end in found.whole:
            source.seek(start)
            target.write(source.read(end - start))
        if missing:
            target.write(_nothing(found.end, found.end + missing, _last_epoch(path.parent)))
    for derived in (".index", ".timeindex", ".txnindex"):
        # Kafka derives it from the segment again.
        path.with_suffix(derived).unlink(missing_ok=True)


def _nothing(first: int, after: int, epoch: int) -> bytes:
    """An empty batch in place of missing offsets, as compaction leaves it.

    So no offset refers to two records, and a consumer whose offset is among the lost ones continues after them.
    """
    rest = struct.pack(">hiqqqhii", 0, after - first - 1, -1, -1, -1, -1, -1, 0)
    length = _BATCH.size - _BEFORE_LENGTH
    return struct.pack(">qiibI", first, length, epoch, 2, calc_crc32c(rest)) + rest


def _last_epoch(folder: Path) -> int:
    """The last leader epoch of a partition that Kafka stored, 0 if it is not known."""
    try:
        return int((folder / "leader-epoch-checkpoint").read_text().splitlines()[-1].split()[0])
    except (OSError, ValueError, IndexError):
        return 0


def _repair_file(path: Path, why_not: Callable[[Path], str], damage: Damage, consequence: str) -> None:
    if path.is_file() and (why := why_not(path)):
        damage.move(path, why, consequence)


def _recovery_points(data: Path) -> dict[str, int]:
    """By partition, the offset before which every record is on the disk, as stored by Kafka."""
    try:
        lines = (data / _CHECKPOINTS[0]).read_text().splitlines()[2:]
    except (OSError, UnicodeDecodeError):
        return {}
    fields = [line.split() for line in lines]
    return {f"{line[0]}-{line[1]}": int(line[2]) for line in fields if len(line) == 3 and line[2].isdecimal()}


def _records(folder: Path) -> int:
    return sum(read_segment(path, int(path.stem)).records for path in folder.glob("*.log"))


def _topic_id(path: Path) -> str:
    try:
        found = re.fullmatch(r"version: 0\ntopic_id: ([A-Za-z0-9_-]{22})\s*", path.read_text())
    except (OSError, UnicodeDecodeError):
        return ""
    return found[1] if found else ""


def _of_a_sibling(folder: Path) -> str:
    """The id of a partition's topic, from another partition of that topic."""
    topic = folder.name.rpartition("-")[0]
    siblings = (path for path in folder.parent.glob(f"{topic}-*") if path.name.rpartition("-")[0] == topic)
    return next((found for path in siblings if (found := _topic_id(path / "partition.metadata"))), "")


def _kept_topics(kept: Path) -> dict[str, str]:
    try:
        found = json.loads((kept / "topics.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return {str(name): str(topic) for name, topic in found.items()} if isinstance(found, dict) else {}


def _of_properties(path: Path) -> str:
    """What is wrong with `meta.properties`; empty where nothing is, as in the other three functions."""
    content = path.read_bytes()
    text = content.decode(errors="replace")
    if all(re.search(rf"^{key}=\S+$", text, re.MULTILINE) for key in ("version", "cluster.id", "node.id")):
        return ""
    return damage_of(content) or "is cut short"


def _of_snapshot(path: Path) -> str:
    return read_segment(path, 0).damage if path.stat().st_size else "is empty"


def _of_checkpoint(path: Path) -> str:
    content = path.read_bytes()
    lines = content.decode(errors="replace").splitlines()
    try:
        # Kafka treats an empty one like a missing one.
        if not lines or (lines[0] == "0" and int(lines[1]) == len(lines) - 2):
            return ""
    except (IndexError, ValueError):
        pass
    return damage_of(content) or "is cut short"


def _of_json(path: Path) -> str:
    content = path.read_bytes()
    try:
        return "" if isinstance(json.loads(content), dict) else "holds something else"
    except ValueError:
        return damage_of(content) or "is cut short"
