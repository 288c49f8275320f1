"""`opsci-bridge replay`: apply records that are in Kafka again; the ledger counts each once."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

from bridge.apply.replay import Replay
from bridge.command.progress import Progress
from bridge.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.apply.replay import Outcome, Span
    from bridge.settings import Settings

__all__ = ["Replaying", "replay"]


class Replaying(NamedTuple):
    """What to apply again; exactly one of the first four.

    Attributes:
        missing: whether to apply what the ledger lacks.
        everything: whether to apply everything that Kafka has.
        since: the earliest time, in seconds since the epoch.
        offsets: topic, partition, first and last offset; None for all from the first one on.
        dry_run: whether to only print what would be applied.
    """

    missing: bool = False
    everything: bool = False
    since: float | None = None
    offsets: Sequence[tuple[str, int, int, int | None]] = ()
    dry_run: bool = False


def replay(settings: Settings, wanted: Replaying) -> int:
    """Apply records again, and print the result.

    Args:
        settings: the engine's.
        wanted: which records.

    Returns:
        The exit code: 0 if all requested records were processed, 1 if some are no longer in Kafka.

    Raises:
        SettingsError: there is no such topic or partition.
        ServerError: a server does not answer, or refuses.
    """
    return asyncio.run(_replay(settings, wanted))


async def _replay(settings: Settings, wanted: Replaying) -> int:
    async with Replay(settings) as work:
        spans = await _spans(work, wanted)
        for span in spans:
            _tell(span)
        total = sum(span.records for span in spans)
        began = time.monotonic()
        with Progress(total, "read again") as progress:
            run = work.preview if wanted.dry_run else work.run
            outcome = await run(spans, progress.step)
    print(_account(outcome, time.monotonic() - began, dry_run=wanted.dry_run))
    gone = sum(span.gone for span in spans)
    if gone:
        print(f"{gone:,} records are no longer in Kafka: no replay brings them", file=sys.stderr)
    return 1 if gone else 0


async def _spans(work: Replay, wanted: Replaying) -> list[Span]:
    unknown = sorted({topic for topic, *_ in wanted.offsets} - set(work.topics))
    if unknown:
        msg = (
            f"--offsets: no route does movement with the topic {', '.join(unknown)}; those that do are "
            f"{', '.join(work.topics) or 'none'}"
        )
        raise SettingsError(msg)
    if wanted.offsets:
        try:
            return await work.of_offsets(wanted.offsets)
        except KeyError as error:
            topic, partition = error.args[0]
            msg = f"--offsets: Kafka has no partition {partition} of the topic {topic}"
            raise SettingsError(msg) from None
    if wanted.since is not None:
        return await work.since(wanted.since)
    return await work.missing() if wanted.missing else await work.of_all()


def _tell(span: Span) -> None:
    notes = []
    if span.gone:
        notes.append(f"{span.gone:,} before them are no longer in Kafka")
    if span.before_account:
        notes.append(
            f"of {span.before_account:,} the ledger keeps no account: what was applied without it, by plain REST, "
            "counts again"
        )
    said = f"; {'; '.join(notes)}" if notes else ""
    print(f"{span.topic}:{span.partition}:{span.there}-{span.next - 1}  {span.records:,} records{said}")


def _account(outcome: Outcome, seconds: float, *, dry_run: bool) -> str:
    if dry_run:
        return (
            f"{outcome.read:,} records: {outcome.applied:,} are not in the ledger and would be applied or refused, "
            f"{outcome.known:,} are there and count once, {outcome.refused:,} are no movements; nothing was changed"
        )
    return (
        f"{outcome.read:,} records in {seconds:.1f} s: {outcome.applied:,} applied, {outcome.known:,} applied before, "
        f"{outcome.refused:,} refused ({outcome.letters:,} new dead letters)"
    )
