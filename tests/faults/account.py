"""The account: what was published against what Kafka holds, the ledger recorded and the stock shows. Pure.

It goes number by number and product by product, and excuses nothing by itself: a message that Mosquitto forgot, or
repeated, when it was killed is taken out of `lost` and `doubled` only where the caller has evidence for that number.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tests.faults.register import Sent

__all__ = ["Account", "Copy", "Entry", "Excuses", "Held", "Letter", "Product", "reckon"]

_APPLIED: Final = "applied"


class Copy(NamedTuple):
    """A record of the topic of movements."""

    number: int
    movement_id: str


class Letter(NamedTuple):
    """A record of the topic of dead letters."""

    number: int
    reason: str


class Entry(NamedTuple):
    """A row of the ledger."""

    movement_id: str
    product: int
    delta: int
    verdict: str


class Excuses(NamedTuple):
    """What Mosquitto itself did when it was killed, by number.

    Attributes:
        forgotten: it took them, its kill came before its next write, and the engine never acknowledged them.
        repeated: it sent them once more as new, after the engine had them.
    """

    forgotten: frozenset[int] = frozenset()
    repeated: frozenset[int] = frozenset()


class Held(NamedTuple):
    """What Kafka and Strapi hold in the end.

    Attributes:
        copies: the topic of movements, from its start.
        letters: the topic of dead letters, from its start.
        entries: the ledger.
        shown: by product, what the stock is now less what it was at the start.
    """

    copies: Sequence[Copy]
    letters: Sequence[Letter]
    entries: Sequence[Entry]
    shown: Mapping[int, int]


class Product(NamedTuple):
    """One product's line: numbers of messages, and sums of what they move."""

    published: int
    in_kafka: int
    applied: int
    recorded: int
    shown: int


@dataclass
class Account:
    """The result.

    Attributes:
        published: how many messages were sent at least once.
        acknowledged: how many the broker said that it has.
        in_kafka: how many stand in the topic of movements.
        applied: how many changed the stock.
        rejected: how many ended as dead letters, by reason.
        lost: the numbers of those that the broker or Kafka had and that neither count nor are rejected.
        doubled: the numbers of those that count more than once, or count and are rejected.
        forgotten: the numbers that Mosquitto forgot when it was killed.
        repeated: the numbers that count more than once because Mosquitto sent them anew after it was killed.
        copies_beyond: how many more records Kafka holds than messages were sent; the ledger counts those once.
        unconfirmed: how many without PUBACK arrived nowhere, which no one promised.
        stock_off: by product, what the stock shows beyond what the applied movements make.
        strangers: movement-ids in the ledger that no record in Kafka has.
        products: by product.
        evidence: by number that is lost, doubled, forgotten or repeated, what was heard of it and where it stands.
    """

    published: int = 0
    acknowledged: int = 0
    in_kafka: int = 0
    applied: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    lost: list[int] = field(default_factory=list)
    doubled: list[int] = field(default_factory=list)
    forgotten: list[int] = field(default_factory=list)
    repeated: list[int] = field(default_factory=list)
    copies_beyond: int = 0
    unconfirmed: int = 0
    stock_off: dict[int, int] = field(default_factory=dict)
    strangers: list[str] = field(default_factory=list)
    products: dict[int, Product] = field(default_factory=dict)
    evidence: dict[int, list[str]] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether nothing is lost, nothing doubled, and the stock is what it has to be."""
        return not (self.lost or self.doubled or self.stock_off or self.strangers)

    def as_json(self) -> dict[str, Any]:
        """The account with counts under the names that everybody reads, and the numbers under `..._numbers`."""
        document = asdict(self)
        for name in ("lost", "doubled", "forgotten", "repeated"):
            document[f"{name}_numbers"] = document[name]
            document[name] = len(document[name])
        document["evidence"] = {str(number): lines for number, lines in self.evidence.items()}
        document["products"] = {str(row): line._asdict() for row, line in self.products.items()}
        return document


def reckon(sent: Iterable[Sent], held: Held, excuses: Excuses | None = None) -> Account:
    """Draw up the account.

    Args:
        sent: everything that was entered for sending.
        held: what became of it.
        excuses: what Mosquitto itself did.
    """
    messages = {one.number: one for one in sent if one.sends}
    number_of = {copy.movement_id: copy.number for copy in held.copies}
    tally = _Tally(
        Counter(copy.number for copy in held.copies),
        Counter(number_of.get(entry.movement_id, 0) for entry in held.entries if entry.verdict == _APPLIED),
        {letter.number: letter.reason for letter in held.letters},
        excuses or Excuses(),
    )
    account = Account(published=len(messages))
    account.strangers = [entry.movement_id for entry in held.entries if entry.movement_id not in number_of]
    for one in messages.values():
        _judge(account, one, tally)
    account.in_kafka = sum(number in messages for number in tally.in_kafka)
    account.applied = sum(number in messages for number in tally.applied)
    account.rejected = dict(Counter(tally.reasons[number] for number in sorted(tally.reasons) if number in messages))
    account.products = _products(messages.values(), held, tally)
    account.stock_off = {
        row: line.shown - line.recorded for row, line in account.products.items() if line.shown != line.recorded
    }
    return account


class _Tally(NamedTuple):
    in_kafka: Counter[int]
    applied: Counter[int]
    reasons: dict[int, str]
    excuses: Excuses


def _judge(account: Account, one: Sent, tally: _Tally) -> None:
    copies, applied, reason = tally.in_kafka[one.number], tally.applied[one.number], tally.reasons.get(one.number)
    account.acknowledged += bool(one.acknowledged_at)
    account.copies_beyond += max(0, copies - one.sends)
    settled = bool(applied) or reason is not None
    if not settled and (one.acknowledged_at or copies):
        forgotten = one.number in tally.excuses.forgotten and not copies
        (account.forgotten if forgotten else account.lost).append(one.number)
    elif not settled:
        account.unconfirmed += 1
    if applied > 1 or (applied and (reason is not None or one.refused)):
        repeated = one.number in tally.excuses.repeated and reason is None and not one.refused
        (account.repeated if repeated else account.doubled).append(one.number)


def _products(messages: Iterable[Sent], held: Held, tally: _Tally) -> dict[int, Product]:
    recorded: Counter[int] = Counter()
    for entry in held.entries:
        if entry.verdict == _APPLIED:
            recorded[entry.product] += entry.delta
    published = Counter(one.product for one in messages)
    in_kafka = Counter(one.product for one in messages if one.number in tally.in_kafka)
    applied = Counter(one.product for one in messages if one.number in tally.applied)
    return {
        row: Product(published[row], in_kafka[row], applied[row], recorded[row], shown)
        for row, shown in held.shown.items()
    }
