"""The engines' counts, taken from their signs of life, and a watcher's agreement with them. Pure.

A watcher that starts later has not seen what was before. It begins with the engines' counts since they started, adds
what it sees itself, and takes their counts again whenever these are stable: so it never jumps back while movements
arrive, and ends with theirs. Where an engine's counters were reset since, its counts are taken at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.journal import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bridge.journal import Journal, Rate

__all__ = ["EngineCounts", "counts_of"]

_VERDICT: Final = "verdict."
_REASON: Final = "reason."
_RESETS: Final = "resets"
"""How often the counters were reset: of engines only."""


def counts_of(journal: Journal) -> dict[str, int]:
    """The counts of an engine since it started, by name."""
    return {
        _RESETS: journal.counter_resets,
        **{name: rate.total for name, rate in _rates(journal).items()},
        **{f"{_VERDICT}{verdict}": count for verdict, count in journal.verdicts.items() if count},
        **{f"{_REASON}{reason}": count for reason, count in journal.reasons.copy().items()},
    }


class EngineCounts:
    """Keeps a watcher's counts in agreement with the engines'.

    Args:
        journal: the watcher's.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._last: tuple[Mapping[str, int], ...] | None = None
        self._own: dict[str, int] = {}

    def take(self, accounts: Sequence[Mapping[str, int]]) -> None:
        """Process the current counts of the engines that carry.

        Args:
            accounts: of each engine, in a stable order; empty if no engine publishes any.
        """
        if not accounts:
            return
        told = tuple(dict(account) for account in accounts)
        own = counts_of(self._journal)
        is_stable = told == self._last and own == self._own
        if self._last is None or len(told) != len(self._last) or is_stable or _resets(self._last) != _resets(told):
            wanted: dict[str, int] = {}
            for account in told:
                for name, count in account.items():
                    wanted[name] = wanted.get(name, 0) + count
            if {**wanted, _RESETS: own[_RESETS]} != own:
                self._set(wanted)
                own = counts_of(self._journal)
        self._last, self._own = told, own

    def _set(self, wanted: Mapping[str, int]) -> None:
        journal = self._journal
        for name, rate in _rates(journal).items():
            rate.total = wanted.get(name, 0)
        for verdict in Verdict:
            journal.verdicts[verdict] = wanted.get(f"{_VERDICT}{verdict}", 0)
        reasons = {
            name.removeprefix(_REASON): count for name, count in wanted.items() if name.startswith(_REASON) and count
        }
        journal.reasons.clear()
        journal.reasons.update(reasons)
        journal.news.ring()


def _resets(accounts: Sequence[Mapping[str, int]]) -> list[int]:
    return [account.get(_RESETS, 0) for account in accounts]


def _rates(journal: Journal) -> dict[str, Rate]:
    return {
        "received": journal.received,
        "produced": journal.produced,
        "decided": journal.decided,
        "answered": journal.answered,
        "letters": journal.rejected,
    }
