"""The account of a run: compares what was published with Kafka's records, the ledger and the stock. Pure.

It checks every number and every product, and excuses nothing by itself: a message that Mosquitto forgot or repeated
when it was killed, or that Kafka was made to delete, is removed from `lost` and `doubled` only if the caller has
evidence for that number.
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
        number: of its message, 0 if it has none.
        movement_id: its identity.
        alike: its product, if its movements can't be told apart.
    """

    number: int
    movement_id: str
    alike: int = 0


class Letter(NamedTuple):
    """A record of the dead-letter topic."""

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
        forgotten: accepted by Mosquitto, which was killed before its next write; never acknowledged by the engine.
        repeated: sent again as new by Mosquitto, after the engine had received them.
        resent: sent more than once by their publisher, to a Strapi that doesn't know movement-ids.
        handed: by product, the number of indistinguishable messages delivered to the engine without DUP.
        told: lost with everything else that Mosquitto stored, before the engine received them, as the engine reported.
        told_alike: by product, the number of indistinguishable messages lost in that way.
        deleted: by movement-id, records that Kafka deleted before they were applied, whose number the engine reported.
    """

    forgotten: frozenset[int] = frozenset()
    repeated: frozenset[int] = frozenset()
    resent: frozenset[int] = frozenset()
    handed: Mapping[int, int] = MappingProxyType({})
    told: frozenset[int] = frozenset()
    told_alike: Mapping[int, int] = MappingProxyType({})
    deleted: frozenset[str] = frozenset()


class Held(NamedTuple):
    """What Kafka and Strapi hold at the end.

    Attributes:
        copies: the topic of movements, from its start.
        letters: the dead-letter topic, from its start.
        entries: the ledger.
        shown: by product, the change of the stock since the start.
    """

    copies: Sequence[Copy]
    letters: Sequence[Letter]
    entries: Sequence[Entry]
    shown: Mapping[int, int]


class Product(NamedTuple):
    """The figures of one product: numbers of messages, and sums of their movements."""

    published: int
    in_kafka: int
    applied: int
    recorded: int
    shown: int


@dataclass
class Account:
    """The result.

    Attributes:
        published: number of messages sent at least once.
        acknowledged: number of messages acknowledged by the broker.
        kept: number of those that their publishers kept until the stock showed them.
        in_kafka: number of records in the topic of movements.
        applied: number of messages that changed the stock.
        rejected: number of dead letters, by reason.
        lost: the numbers of those that the broker or Kafka had and that were neither applied nor rejected.
        doubled: the numbers of those applied more than once, or applied and rejected.
        forgotten: the numbers that Mosquitto forgot when it was killed.
        told: the numbers lost with everything that Mosquitto stored, which the engine reported.
        repeated: the numbers applied more than once because Mosquitto sent them as new after it was killed.
        resent: the numbers applied more than once, at most as often as their publisher sent them, without a ledger.
        deleted: the numbers that Kafka deleted before they were applied, whose count the engine reported.
        copies_beyond: number of Kafka records in excess of the sent messages; the ledger counts those once.
        taken_back: number of messages written in a transaction that was aborted.
        uncommitted: the numbers of those of them that were applied or rejected all the same.
        unconfirmed: number of messages without PUBACK that did not arrive, which is allowed.
        stock_off: by product, the stock in excess of the applied movements.
        strangers: movement-ids in the ledger that no record in Kafka has.
        apart: the products whose draft and published row differ in their stock.
        products: by product.
        alike: by product, the counts of the indistinguishable movements; no other figure but the products' includes
            them.
        evidence: by number of any of these six, what was observed of it and where it is.
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
        """Whether nothing is lost or doubled, and the stock is correct."""
        uneven = bool(self.apart) or any(line.missing or line.beyond for line in self.alike.values())
        return not (self.lost or self.doubled or self.uncommitted or self.stock_off or self.strangers or uneven)

    def as_json(self) -> dict[str, Any]:
        """Return the account with counts under their usual names, and the numbers under `..._numbers`."""
        document = asdict(self)
        for name in ("lost", "doubled", "forgotten", "told", "repeated", "resent", "deleted", "uncommitted"):
            document[f"{name}_numbers"] = document[name]
            document[name] = len(document[name])
        document["evidence"] = {str(number): lines for number, lines in self.evidence.items()}
        document["products"] = {str(row): line._asdict() for row, line in self.products.items()}
        document["alike"] = {str(row): _with_ends(line) for row, line in self.alike.items()}
        return document


def reckon(sent: Iterable[Sent], held: Held, excuses: Excuses | None = None) -> Account:
    """Compute the account.

    Args:
        sent: all messages entered for sending.
        held: the end state.
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
