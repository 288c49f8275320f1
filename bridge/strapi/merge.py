"""The movements of one product taken together: each judged in order in memory, one stock to write at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from bridge.movement import MAX_AMOUNT
from bridge.strapi.decision import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.strapi.decision import Order

__all__ = ["Positions", "Step", "merge"]


class Step(NamedTuple):
    """One movement's turn.

    Attributes:
        outcome: applied, or why not.
        before: the stock before it.
        after: the stock after it, the same where it is not applied.
    """

    outcome: Outcome
    before: int
    after: int


def merge(stock: int, deltas: Iterable[int]) -> list[Step]:
    """Apply changes to a stock in order, each judged by itself.

    Args:
        stock: the pieces there are, 0 or more.
        deltas: the signed changes.

    Returns:
        A step for each; the last one's `after` is the stock to write. No stock passes below 0 or above MAX_AMOUNT
        because of a change; the change that would is not applied, and those behind it have their turn.
    """
    steps: list[Step] = []
    for delta in deltas:
        after = stock + delta
        if delta < 0 and after < 0:
            steps.append(Step(Outcome.INSUFFICIENT_STOCK, stock, stock))
        elif delta > 0 and after > MAX_AMOUNT:
            steps.append(Step(Outcome.OVER_LIMIT, stock, stock))
        else:
            steps.append(Step(Outcome.APPLIED, stock, after))
            stock = after
    return steps


class _Counted(msgspec.Struct, array_like=True):
    offset: int = -1
    timestamp: int = -1
    refused: dict[str, list[int]] = msgspec.field(default_factory=dict)


class Positions:
    """Up to where a product's movements are counted, as its row keeps it: `{"stock/3": [128, 1767225600000, {}]}`.

    Beside the offset stands the latest timestamp of the records counted: a topic that was deleted and made again
    counts its offsets from 0 again, and its records are younger than that. Then the offsets that were refused, by
    verdict, as after a crash their dead letters may be missing.

    Args:
        text: what the row has; None, empty or anything else that no engine wrote counts as nothing.
    """

    __slots__ = ("_counted", "_lowest")

    def __init__(self, text: object) -> None:
        self._lowest: dict[str, int] = {}
        try:
            self._counted = msgspec.json.decode(text, type=dict[str, _Counted]) if isinstance(text, str) else {}
        except (msgspec.DecodeError, UnicodeEncodeError):
            self._counted = {}

    @property
    def text(self) -> str:
        """What to write into the row. Refusals before the movements looked at are settled, and no longer kept."""
        for place, lowest in self._lowest.items():
            counted = self._counted[place]
            kept = {outcome: [at for at in offsets if at >= lowest] for outcome, offsets in counted.refused.items()}
            counted.refused = {outcome: offsets for outcome, offsets in kept.items() if offsets}
        return msgspec.json.encode(self._counted).decode()

    def first(self, order: Order) -> Outcome | None:
        """What was decided about a movement that is counted already, None for one that is not."""
        counted = self._look(order)
        if order.offset > counted.offset or order.timestamp > counted.timestamp:
            return None
        refused = (outcome for outcome, offsets in counted.refused.items() if order.offset in offsets)
        return Outcome(next(refused, Outcome.APPLIED))

    def count(self, order: Order, outcome: Outcome) -> None:
        """Note that the stock, as it is written next, takes this movement into account."""
        counted = self._look(order)
        counted.offset = order.offset
        counted.timestamp = max(counted.timestamp, order.timestamp)
        if outcome is not Outcome.APPLIED:
            counted.refused.setdefault(outcome, []).append(order.offset)

    def _look(self, order: Order) -> _Counted:
        place = f"{order.topic}/{order.partition}"
        self._lowest[place] = min(order.offset, self._lowest.get(place, order.offset))
        return self._counted.setdefault(place, _Counted())
