"""The account: what the engine did, on one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.journal import Hop

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.journal import Journal, Verdict

__all__ = ["account", "moved"]


def account(journal: Journal) -> str:
    """Say what was received, produced, decided and rejected, what waits, and how long it took lately."""
    parts = [
        f"received {journal.received.total:,}",
        f"produced {journal.produced.total:,}",
        f"decided {journal.decided.total:,}{_listed(journal.verdicts)}",
        f"dead letters {journal.rejected.total:,}{_listed(journal.reasons)}",
    ]
    if journal.lag >= 0:
        parts.append(f"lag {journal.lag:,}")
    total = journal.latency[Hop.TOTAL].summary()
    if total.measured:
        parts.append(f"MQTT to Strapi p50 {total.p50 * 1000:,.0f} ms p99 {total.p99 * 1000:,.0f} ms")
    return "; ".join(parts)


def moved(journal: Journal) -> tuple[int, ...]:
    """The counts that tell whether anything happened since they were taken last."""
    return tuple(rate.total for rate in (journal.received, journal.produced, journal.decided, journal.rejected))


def _listed(counts: Mapping[Verdict, int] | Mapping[str, int]) -> str:
    listed = ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items()) if count)
    return f" ({listed})" if listed else ""
