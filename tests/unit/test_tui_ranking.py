"""The stock table's order: equal to a full sort after any number of changes, with few comparisons."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.journal import Product, StockTable
from tui.widgets import stock as sorting
from tui.widgets.sorted_view import Order
from tui.widgets.stock import SORT_KEYS, Ranking

ids = st.integers(1, 12)
products = st.builds(
    Product,
    id=ids,
    document_id=st.just("d"),
    name=st.sampled_from(["Lampe", "lampe", "Étagère", ""]),
    stock=st.integers(0, 4),
    barcode=st.sampled_from(["", "1", "2"]),
    status=st.sampled_from(["safe", "danger"]),
    last_change=st.integers(-3, 3),
    changed_at=st.sampled_from([0.0, 1.5, 2.5]),
)
orders = st.builds(Order, st.sampled_from(sorted(SORT_KEYS)), st.booleans())


def sorted_ids(found: dict[int, Product], order: Order) -> list[int]:
    """Ids sorted by the compared value, and equal ones by id whatever the direction."""
    by_id = sorted(found.values(), key=lambda product: product.id)
    return [product.id for product in sorted(by_id, key=SORT_KEYS[order.column], reverse=order.reverse)]


@given(st.lists(products, unique_by=lambda product: product.id), st.lists(products | ids, max_size=30), orders)
def test_it_stays_as_sorting_all_of_them_gives_it(
    first: list[Product], changes: list[Product | int], order: Order
) -> None:
    ranking = Ranking(first, order)
    there = {product.id: product for product in first}
    for change in changes:
        before = ranking.ids()
        if isinstance(change, Product):
            there[change.id] = change
            moved = ranking.put(change)
        else:
            moved = ranking.drop(change)
            there.pop(change, None)
        assert moved == (ranking.ids() != before)
    found = sorted_ids(there, order)
    assert ranking.ids() == found
    assert [ranking.at(row) for row in range(len(ranking))] == [there[each] for each in found]
    assert [ranking.row_of(each) for each in found] == list(range(len(found)))
    assert [ranking.get(each) for each in range(1, 13)] == [there.get(each) for each in range(1, 13)]
    assert (ranking.at(-1), ranking.at(len(found)), ranking.row_of(99)) == (None, None, None)


@pytest.mark.parametrize("reverse", [False, True])
def test_a_change_among_many_looks_at_few_of_them(monkeypatch: pytest.MonkeyPatch, reverse: bool) -> None:
    looks = 0

    def compared(product: Product) -> int:
        nonlocal looks
        looks += 1
        return product.stock

    monkeypatch.setitem(sorting.SORT_KEYS, "stock", compared)
    ranking = Ranking([Product(each, "", "", each * 37 % 1_000) for each in range(50_000)], Order("stock", reverse))
    looks = 0
    ranking.put(Product(777, "", "", 5))
    assert ranking.row_of(777) is not None
    assert 0 < looks < 100


def test_a_board_tells_what_changed_between_two_versions_for_as_long_as_it_knows() -> None:
    board = StockTable()
    first = [Product(each, "", "", 5) for each in range(1, 40)]
    board.read(first, complete=True)
    read = board.version
    assert board.changed(-1, read) is None
    board.moved(3, 4, -1, 50.0)
    board.moved(99, 4, -1, 50.0)
    board.moved(3, 3, -1, 51.0)
    board.read([first[6]._replace(stock=9), first[7]], complete=False)
    assert board.changed(read, board.version) == {3, 7}
    now = board.version
    board.read([*first[2:], Product(50, "", "", 1)], complete=True)
    # What the movement and the reading in between said is other than what stands in this one.
    assert board.changed(now, board.version) == {1, 2, 3, 7, 50}
    for stock in range(20_000):
        board.moved(4, stock, 1, 60.0)
    assert board.changed(now, board.version) is None
    assert board.changed(board.version - 5, board.version) == {4}
    assert board.changed(board.version, board.version) == set()
