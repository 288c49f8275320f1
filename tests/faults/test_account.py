"""The account can fail: it finds each loss, each double and each wrong stock that is put into an honest world."""

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
    """A world in which everything went as promised, with all that may happen in it."""
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
    account = reckon([sent], Held([Copy(1, "x")], [], [], {1: 0}), Excuses(forgotten=frozenset({1})))
    assert account.lost == [1]


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
