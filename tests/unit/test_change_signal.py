"""The signal rings once until it is heard, and at each change of the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.journal import ChangeSignal, Journal, Journey, Product, Server, State

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_second_ring_is_not_told_before_the_first_is_heard() -> None:
    told: list[str] = []
    news = ChangeSignal()
    news.listen(lambda: told.append("rung"))
    news.ring()
    news.ring()
    assert told == ["rung"]
    news.heard()
    assert told == ["rung"]
    news.ring()
    assert told == ["rung", "rung"]


def test_no_one_listens_and_nothing_breaks() -> None:
    news = ChangeSignal()
    news.ring()
    told: list[str] = []
    news.listen(lambda: told.append("rung"))
    news.ring()
    assert told == ["rung"]
    news.heard()
    news.listen(None)
    news.ring()
    assert told == ["rung"]


@pytest.mark.parametrize(
    "write",
    [
        lambda journal: journal.arrived([Journey("a", b"{}", received_at=1.0)]),
        lambda journal: journal.acknowledged([Journey("a", b"{}", received_at=1.0)]),
        lambda journal: journal.consumed([Journey("a", b"{}", received_at=1.0)]),
        lambda journal: journal.settled([Journey("a", b"{}", received_at=1.0)]),
        lambda journal: journal.dead_lettered([]),
        lambda journal: journal.connection(Server.MQTT, State.UP),
        lambda journal: journal.stock.read([Product(1, "a", "Bread", 5)], complete=True),
        lambda journal: journal.stock.moved(1, 6, 1, 1.0),
    ],
)
def test_whatever_the_journal_writes_down_rings(write: Callable[[Journal], None]) -> None:
    journal = Journal()
    journal.stock.read([Product(1, "a", "Bread", 4)], complete=True)
    told: list[str] = []
    journal.news.listen(lambda: told.append("rung"))
    write(journal)
    assert told == ["rung"]


def test_a_stock_that_is_read_and_is_the_same_is_no_news() -> None:
    journal = Journal()
    journal.stock.read([Product(1, "a", "Bread", 4)], complete=True)
    told: list[str] = []
    journal.news.listen(lambda: told.append("rung"))
    journal.stock.read([Product(1, "a", "Bread", 4)], complete=True)
    assert told == []
