"""The account detects faults: each loss, each double and each wrong stock put into a correct world is found."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.faults.account import Account, Copy, Entry, Excuses, Held, Letter, reckon
from tests.faults.register import Register, movement_payload, number_in

if TYPE_CHECKING:
    from tests.faults.register import Sent


@dataclass(frozen=True)
class World:
    """What publishers, Kafka and Strapi hold."""

    sent: list[Sent]
    copies: list[Copy]
    letters: list[Letter]
    entries: list[Entry]
    shown: dict[int, int]

    def account(self, excuses: Excuses | None = None) -> Account:
        return reckon(self.sent, Held(self.copies, self.letters, self.entries, self.shown), excuses)


@st.composite
def honest(draw: st.DrawFn) -> World:
    """Draw a world in which everything went as promised, with all that may happen in it."""
    register = Register("r")
    world = World([], [], [], [], dict.fromkeys(range(1, 4), 0))
    for _ in range(draw(st.integers(1, 30))):
        refused = draw(st.booleans()) and draw(st.booleans())
        delta = draw(st.integers(-9, 9).filter(bool))
        sent = register.enter(draw(st.integers(1, 3)), delta, named=draw(st.booleans()), refused=refused)
        world.sent.append(sent)
        fate = draw(st.sampled_from(("arrived", "unheard", "vanished", "unsent")))
        if fate == "unsent":
            continue
        sent.sends = draw(st.integers(1, 3)) if sent.movement_id else 1
        sent.acknowledged_at = 1.0 if fate == "arrived" else 0.0
        if fate == "vanished":
            continue
        if refused:
            world.letters.append(Letter(sent.number, "not-json"))
            continue
        identity = sent.movement_id or f"given-{sent.number}"
        world.copies.extend([Copy(sent.number, identity)] * draw(st.integers(1, sent.sends)))
        world.entries.append(Entry(identity, sent.product, sent.delta, "applied"))
        world.shown[sent.product] += sent.delta
    return world


@given(honest())
def test_an_honest_world_holds(world: World) -> None:
    account = world.account()
    assert account.holds
    assert account.published == sum(bool(one.sends) for one in world.sent)
    assert account.applied == len(world.entries)
    assert sum(account.rejected.values()) == len(world.letters)
    assert account.published == account.applied + sum(account.rejected.values()) + account.unconfirmed
    assert sum(line.published for line in account.products.values()) == account.published
    assert all(line.shown == line.recorded for line in account.products.values())


@given(honest(), st.data())
def test_a_movement_that_kafka_has_and_the_ledger_has_not_is_lost(world: World, data: st.DataObject) -> None:
    assume(world.entries)
    gone = data.draw(st.sampled_from(world.entries))
    world.entries.remove(gone)
    account = world.account()
    number = next(copy.number for copy in world.copies if copy.movement_id == gone.movement_id)
    assert account.lost == [number]
    assert account.stock_off == {gone.product: gone.delta}
    assert not account.holds


@given(honest(), st.data())
def test_what_kafka_deleted_is_counted_apart_only_where_the_engine_told_of_it(
    world: World, data: st.DataObject
) -> None:
    assume(world.entries)
    gone = data.draw(st.sampled_from(world.entries))
    world.entries.remove(gone)
    world.shown[gone.product] -= gone.delta
    number = next(copy.number for copy in world.copies if copy.movement_id == gone.movement_id)
    assert world.account().lost == [number]
    told = world.account(Excuses(deleted=frozenset({gone.movement_id})))
    assert (told.lost, told.deleted, told.holds) == ([], [number], True)


@given(honest(), st.data())
def test_a_movement_that_the_broker_took_and_no_one_has_is_lost(world: World, data: st.DataObject) -> None:
    taken = [one for one in world.sent if one.acknowledged_at]
    assume(taken)
    gone = data.draw(st.sampled_from(taken))
    identities = {copy.movement_id for copy in world.copies if copy.number == gone.number}
    less = replace(
        world,
        copies=[copy for copy in world.copies if copy.number != gone.number],
        letters=[letter for letter in world.letters if letter.number != gone.number],
        entries=[entry for entry in world.entries if entry.movement_id not in identities],
    )
    assert less.account().lost == [gone.number]
    excused = less.account(Excuses(forgotten=frozenset({gone.number})))
    assert excused.lost == []
    assert excused.forgotten == [gone.number]
    excused = less.account(Excuses(told=frozenset({gone.number})))
    assert excused.lost == []
    assert excused.told == [gone.number]


@given(honest(), st.data())
def test_a_movement_that_counts_under_two_identities_is_doubled(world: World, data: st.DataObject) -> None:
    assume(world.entries)
    again = data.draw(st.sampled_from(world.entries))
    number = next(copy.number for copy in world.copies if copy.movement_id == again.movement_id)
    world.copies.append(Copy(number, "another"))
    world.entries.append(again._replace(movement_id="another"))
    account = world.account()
    assert account.doubled == [number]
    assert not account.holds
    assert world.account(Excuses(repeated=frozenset({number}))).repeated == [number]


@given(honest(), st.data())
def test_a_movement_that_counts_and_is_refused_is_doubled(world: World, data: st.DataObject) -> None:
    assume(world.entries)
    again = data.draw(st.sampled_from(world.entries))
    number = next(copy.number for copy in world.copies if copy.movement_id == again.movement_id)
    world.letters.append(Letter(number, "conflict"))
    assert world.account(Excuses(repeated=frozenset({number}))).doubled == [number]


@given(honest(), st.integers(1, 3), st.integers(-5, 5).filter(bool))
def test_a_stock_that_is_not_the_ledgers_is_found(world: World, product: int, beyond: int) -> None:
    world.shown[product] += beyond
    account = world.account()
    assert account.stock_off == {product: beyond}
    assert not account.holds


def test_what_is_in_the_ledger_and_nowhere_else_is_a_stranger() -> None:
    account = reckon([], Held([], [], [Entry("no one's", 1, 5, "applied")], {1: 5}))
    assert account.strangers == ["no one's"]
    assert not account.holds


def test_what_was_forgotten_excuses_nothing_that_kafka_has() -> None:
    sent = Register("r").enter(1, 5, named=False)
    sent.sends, sent.acknowledged_at = 1, 1.0
    account = reckon(
        [sent], Held([Copy(1, "x")], [], [], {1: 0}), Excuses(forgotten=frozenset({1}), told=frozenset({1}))
    )
    assert account.lost == [1]


def alike(published: int, acknowledged: int) -> list[Sent]:
    register = Register("r")
    sent = [register.enter(7, 1, named=False, unmarked=True) for _ in range(published)]
    for position, one in enumerate(sent):
        one.sends, one.acknowledged_at = 1, float(position < acknowledged)
    return sent


def alike_held(applied: int) -> Held:
    names = [f"given-{number}" for number in range(applied)]
    copies = [Copy(0, name, 7) for name in names]
    return Held(copies, [], [Entry(name, 7, 1, "applied") for name in names], {7: applied})


@pytest.mark.parametrize(
    ("acknowledged", "applied", "handed", "forgotten", "holds"),
    [
        (9, 9, 9, 0, True),
        (9, 10, 10, 0, True),  # The one without PUBACK arrived.
        (9, 8, 8, 0, False),
        (9, 8, 8, 1, True),
        (9, 7, 8, 1, False),
        (9, 11, 10, 0, False),  # One was handed out again with DUP and counts twice.
        (9, 11, 11, 0, True),  # Mosquitto went back and handed one out as new.
    ],
)
def test_what_nothing_tells_apart_is_counted(
    acknowledged: int, applied: int, handed: int, forgotten: int, *, holds: bool
) -> None:
    sent = alike(10, acknowledged)
    excuses = Excuses(forgotten=frozenset(range(1, forgotten + 1)), handed={7: handed})
    account = reckon(sent, alike_held(applied), excuses)
    assert account.holds is holds
    assert account.published == 0, "they are in a count of their own"
    assert account.alike[7][:2] == (10, acknowledged)
    assert account.products[7].published == 10
    assert account.as_json()["alike"]["7"]["applied"] == applied


def test_of_what_nothing_tells_apart_a_copy_in_kafka_counts_once_and_the_stock_shows_it() -> None:
    held = alike_held(9)
    again = held._replace(copies=[*held.copies, held.copies[0]])
    account = reckon(alike(9, 9), again)
    assert account.holds
    assert account.products[7].in_kafka == 9
    assert not reckon(alike(9, 9), held._replace(shown={7: 8})).holds


@pytest.mark.parametrize(("told", "holds"), [(2, True), (1, False)])
def test_of_those_that_nothing_tells_apart_no_more_may_lack_than_was_told(told: int, *, holds: bool) -> None:
    assert reckon(alike(9, 9), alike_held(7), Excuses(told_alike={7: told})).holds is holds


def test_json_has_counts_under_the_names_that_everybody_reads() -> None:
    sent = Register("r").enter(1, 5, named=False)
    sent.sends, sent.acknowledged_at = 1, 1.0
    document = reckon([sent], Held([], [], [], {1: 0})).as_json()
    counts = {name: document[name] for name in ("published", "acknowledged", "in_kafka", "applied", "lost", "doubled")}
    assert counts == {"published": 1, "acknowledged": 1, "in_kafka": 0, "applied": 0, "lost": 1, "doubled": 0}
    assert document["rejected"] == {}
    assert document["lost_numbers"] == [1]


@pytest.mark.parametrize("payload", [b"", b"{}", b'"number":', b"\xff"])
def test_no_number_is_found_where_none_is(payload: bytes) -> None:
    assert number_in(payload) == 0


def test_a_movement_carries_its_number() -> None:
    sent = Register("r").enter(7, -3, named=True)
    assert movement_payload(sent) == b'{"id":7,"amount":3,"type":"OUT","number":1}'
    assert number_in(movement_payload(sent)) == 1


@pytest.mark.parametrize("applied", [False, True])
def test_what_a_transaction_took_back_must_not_count(applied: bool) -> None:
    one = Register("r").enter(1, 5, named=True)
    one.sends, one.taken_back = 1, True
    entries = [Entry(one.movement_id or "", 1, 5, "applied")] if applied else []
    account = reckon([one], Held([], [], entries, {1: 5 * applied}))
    assert account.holds is not applied
    assert (account.taken_back, account.uncommitted) == ((0, [1]) if applied else (1, []))
