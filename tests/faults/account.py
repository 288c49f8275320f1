"""The account: what was published against what Kafka holds, the ledger recorded and the stock shows. Pure.

It goes number by number and product by product, and excuses nothing by itself: a message that Mosquitto forgot, or
repeated, when it was killed, or that Kafka was made to delete, is taken out of `lost` and `doubled` only where the
caller has evidence for that number.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tests.faults.alike import Alike, count_alike

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tests.faults.register import Sent

__all__ = ["Account", "Copy", "Entry", "Excuses", "Held", "Letter", "Product", "reckon"]

_APPLIED: Final = "applied"


class Copy(NamedTuple):
    """A record of the topic of movements.

    Attributes:
        number: of its message, 0 where it carries none.
        movement_id: its identity.
        alike: its product, where nothing tells its movements apart.
    """

    number: int
    movement_id: str
    alike: int = 0


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
    """What Mosquitto itself did when it was killed, and what Kafka was made to delete, by number.

    Attributes:
        forgotten: it took them, its kill came before its next write, and the engine never acknowledged them.
        repeated: it sent them once more as new, after the engine had them.
        resent: their publisher sent them more than once, to a Strapi that knows no movement-ids.
        handed: by product, how many of those that nothing tells apart it handed to the engine without DUP.
        told: it lost them with everything else that it kept, before the engine had them, and the engine said so.
        told_alike: by product, how many it lost so of those that nothing tells apart.
        deleted: by movement-id, what Kafka deleted before it was applied, where the engine said how many these were.
    """

    forgotten: frozenset[int] = frozenset()
    repeated: frozenset[int] = frozenset()
    resent: frozenset[int] = frozenset()
    handed: Mapping[int, int] = MappingProxyType({})
    told: frozenset[int] = frozenset()
    told_alike: Mapping[int, int] = MappingProxyType({})
    deleted: frozenset[str] = frozenset()


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
        kept: how many of those their publishers kept until the stock showed them.
        in_kafka: how many stand in the topic of movements.
        applied: how many changed the stock.
        rejected: how many ended as dead letters, by reason.
        lost: the numbers of those that the broker or Kafka had and that neither count nor are rejected.
        doubled: the numbers of those that count more than once, or count and are rejected.
        forgotten: the numbers that Mosquitto forgot when it was killed.
        told: the numbers that were lost with all that Mosquitto kept, of which the engine told.
        repeated: the numbers that count more than once because Mosquitto sent them anew after it was killed.
        resent: the numbers that count more than once, at most as often as their publisher sent them, without a ledger.
        deleted: the numbers that Kafka deleted before they were applied, which the engine told with their count.
        copies_beyond: how many more records Kafka holds than messages were sent; the ledger counts those once.
        taken_back: how many were written within a transaction that was aborted, and came to nothing.
        uncommitted: the numbers of those of them that count or are rejected all the same.
        unconfirmed: how many without PUBACK arrived nowhere, which no one promised.
        stock_off: by product, what the stock shows beyond what the applied movements make.
        strangers: movement-ids in the ledger that no record in Kafka has.
        apart: the products whose draft and published row differ in their stock.
        products: by product.
        alike: by product, the counts of the movements that nothing tells apart; they are in no other figure but the
            products'.
        evidence: by number of any of these six, what was heard of it and where it stands.
    """

    published: int = 0
    acknowledged: int = 0
    kept: int = 0
    in_kafka: int = 0
    applied: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    lost: list[int] = field(default_factory=list)
    doubled: list[int] = field(default_factory=list)
    forgotten: list[int] = field(default_factory=list)
    told: list[int] = field(default_factory=list)
    repeated: list[int] = field(default_factory=list)
    resent: list[int] = field(default_factory=list)
    deleted: list[int] = field(default_factory=list)
    copies_beyond: int = 0
    taken_back: int = 0
    uncommitted: list[int] = field(default_factory=list)
    unconfirmed: int = 0
    stock_off: dict[int, int] = field(default_factory=dict)
    strangers: list[str] = field(default_factory=list)
    apart: list[int] = field(default_factory=list)
    products: dict[int, Product] = field(default_factory=dict)
    alike: dict[int, Alike] = field(default_factory=dict)
    evidence: dict[int, list[str]] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether nothing is lost, nothing doubled, and the stock is what it has to be."""
        uneven = bool(self.apart) or any(line.missing or line.beyond for line in self.alike.values())
        return not (self.lost or self.doubled or self.uncommitted or self.stock_off or self.strangers or uneven)

    def as_json(self) -> dict[str, Any]:
        """The account with counts under the names that everybody reads, and the numbers under `..._numbers`."""
        document = asdict(self)
        for name in ("lost", "doubled", "forgotten", "told", "repeated", "resent", "deleted", "uncommitted"):
            document[f"{name}_numbers"] = document[name]
            document[name] = len(document[name])
        document["evidence"] = {str(number): lines for number, lines in self.evidence.items()}
        document["products"] = {str(row): line._asdict() for row, line in self.products.items()}
        document["alike"] = {str(row): _with_ends(line) for row, line in self.alike.items()}
        return document


def reckon(sent: Iterable[Sent], held: Held, excuses: Excuses | None = None) -> Account:
    """Draw up the account.

    Args:
        sent: everything that was entered for sending.
        held: what became of it.
        excuses: what Mosquitto itself did.
    """
    sent = [one for one in sent if one.sends]
    messages = {one.number: one for one in sent if not one.unmarked}
    number_of = {one.movement_id: one.number for one in sent if one.taken_back and one.movement_id}
    number_of |= {copy.movement_id: copy.number for copy in held.copies}
    tally = _Tally(
        Counter(copy.number for copy in held.copies),
        Counter(number_of.get(entry.movement_id, 0) for entry in held.entries if entry.verdict == _APPLIED),
        {letter.number: letter.reason for letter in held.letters},
        excuses or Excuses(),
        frozenset(number_of.get(identity, 0) for identity in (excuses or Excuses()).deleted),
    )
    alike_of = {copy.movement_id: copy.alike for copy in held.copies if copy.alike}
    applied = {entry.movement_id for entry in held.entries if entry.verdict == _APPLIED}
    account = Account(published=len(messages))
    account.alike = count_alike(
        sent,
        handed=tally.excuses.handed,
        forgotten=tally.excuses.forgotten,
        told=tally.excuses.told_alike,
        applied=Counter(
            alike_of[entry.movement_id]
            for entry in held.entries
            if entry.verdict == _APPLIED and entry.movement_id in alike_of
        ),
        deleted=Counter(alike_of[identity] for identity in (tally.excuses.deleted & alike_of.keys()) - applied),
    )
    account.strangers = [entry.movement_id for entry in held.entries if entry.movement_id not in number_of]
    for one in messages.values():
        _judge(account, one, tally)
    account.in_kafka = sum(number in messages for number in tally.in_kafka)
    account.applied = sum(number in messages for number in tally.applied)
    account.rejected = dict(Counter(tally.reasons[number] for number in sorted(tally.reasons) if number in messages))
    account.products = _products(messages.values(), held, tally) | _alike_products(account.alike, held)
    account.stock_off = {
        row: line.shown - line.recorded for row, line in account.products.items() if line.shown != line.recorded
    }
    return account


class _Tally(NamedTuple):
    in_kafka: Counter[int]
    applied: Counter[int]
    reasons: dict[int, str]
    excuses: Excuses
    deleted: frozenset[int]


def _judge(account: Account, one: Sent, tally: _Tally) -> None:
    copies, applied, reason = tally.in_kafka[one.number], tally.applied[one.number], tally.reasons.get(one.number)
    account.acknowledged += bool(one.acknowledged_at)
    account.kept += one.kept
    account.copies_beyond += max(0, copies - one.sends)
    settled = bool(applied) or reason is not None
    if one.taken_back:
        account.taken_back += not settled
        if settled:
            account.uncommitted.append(one.number)
        return
    if not settled and (one.acknowledged_at or copies):
        if one.number in tally.excuses.forgotten and not copies:
            account.forgotten.append(one.number)
        elif one.number in tally.excuses.told and not copies:
            account.told.append(one.number)
        elif one.number in tally.deleted and copies:
            account.deleted.append(one.number)
        else:
            account.lost.append(one.number)
    elif not settled:
        account.unconfirmed += 1
    if applied > 1 or (applied and (reason is not None or one.refused)):
        excusable = reason is None and not one.refused
        if excusable and one.number in tally.excuses.repeated:
            account.repeated.append(one.number)
        elif excusable and one.number in tally.excuses.resent and copies <= one.sends:
            account.resent.append(one.number)
        else:
            account.doubled.append(one.number)


def _with_ends(line: Alike) -> dict[str, int]:
    return {**line._asdict(), "missing": line.missing, "beyond": line.beyond}


def _alike_products(alike: Mapping[int, Alike], held: Held) -> dict[int, Product]:
    copies = Counter(product for _, product in {(copy.movement_id, copy.alike) for copy in held.copies})
    recorded = Counter(entry.product for entry in held.entries if entry.verdict == _APPLIED)
    return {
        row: Product(line.published, copies[row], line.applied, recorded[row], held.shown[row])
        for row, line in alike.items()
    }


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
