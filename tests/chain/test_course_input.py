"""The course's real input: its products, then all of its stock movements, with every row accounted for."""

from __future__ import annotations

import asyncio
import csv
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from bridge.embedded import EmbeddedChain
from bridge.journal import Verdict
from stack.local import LocalStack
from stack.ports import random_ports
from tests.chain.lane import Lane, until
from tests.chain.programs import run_bridge
from tests.tui.looking import main_screen, screen_text, widget_text
from tests.tui.looking import until as looked
from tui.app import OpsciApp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tui.widgets.pane import Pane

DATA = Path(__file__).parent.parent / "data"


class Outcome(NamedTuple):
    """The expected result of the course's files, by direct computation."""

    stock: dict[int, int]
    counts: Counter[str]


def rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(newline="") as file:
        return list(csv.DictReader(file))


def compute() -> Outcome:
    """Apply the movements in order to the products numbered from 1, never below zero."""
    stock = {number: int(row["stock_available"]) for number, row in enumerate(rows("products.csv"), 1)}
    counts: Counter[str] = Counter()
    for row in rows("stocks.csv"):
        product, amount = int(row["id"]), int(row["amount"])
        if amount == 0:
            counts["zero-amount"] += 1
        elif product not in stock:
            counts["unknown-product"] += 1
        elif row["type"] == "OUT" and stock[product] < amount:
            counts["insufficient-stock"] += 1
        else:
            stock[product] += amount if row["type"] == "IN" else -amount
            counts["applied"] += 1
    return Outcome(stock, counts)


def head(pane: Pane) -> list[str]:
    """The words of a pane's second line, which has the total."""
    return widget_text(pane.query_one(".head")).split()


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """Servers for this module only: the course identifies products by the ids of an empty Strapi, 1 to 200."""
    with LocalStack(tmp_path_factory.mktemp("course"), ports=random_ports()) as servers:
        yield servers


@pytest.mark.timeout(600)
async def test_every_row_of_the_courses_input_is_accounted_for(fresh: LocalStack, stack: LocalStack) -> None:
    assert stack is not fresh
    expected = compute()
    assert sum(expected.counts.values()) == 2000
    lane = Lane(fresh)
    await lane.make_topics()
    chain = EmbeddedChain(lane.settings())
    journal = chain.journal
    app = OpsciApp(chain)
    try:
        async with app.run_test(size=(160, 45)) as pilot:
            await pilot.pause()
            await run_bridge(chain.settings, "send", str(DATA / "products.csv"))
            await until(lambda: journal.verdicts[Verdict.CARRIED] == 200, 60, "the 200 products are in Strapi")
            await run_bridge(chain.settings, "send", str(DATA / "stocks.csv"))
            await until(lambda: journal.decided.total == 2200, 90, "every movement has its verdict")
            assert journal.verdicts[Verdict.APPLIED] == expected.counts["applied"]
            assert journal.reasons == {
                reason: count for reason, count in expected.counts.items() if reason != "applied"
            }
            assert journal.rejected.total == 2000 - expected.counts["applied"]
            await until(
                lambda: {row.id: row.stock for row in journal.stock.products()} == expected.stock,
                what="the stock board agrees with a plain computation",
            )
            applied, rejected = expected.counts["applied"], 2000 - expected.counts["applied"]
            assert journal.verdicts[Verdict.DUPLICATE] == 0
            await looked(pilot, lambda: f"✓ {applied:,} applied   ✗ {rejected:,} refused" in screen_text(app))
            mqtt, kafka, strapi = main_screen(app).panes
            await looked(pilot, lambda: head(mqtt)[:2] == ["2,200", "received"])
            await looked(pilot, lambda: head(kafka)[:2] == ["nothing", "waits"])
            await looked(pilot, lambda: head(strapi)[:2] == ["200", "products"])
            # How many records Kafka took is said where a filter lets some of them through.
            kafka.filter_input.put("none has this text")
            carried = 2200 - expected.counts["zero-amount"]
            await looked(pilot, lambda: head(kafka)[:3] == ["0", "of", f"{carried:,}"])
    finally:
        await asyncio.to_thread(chain.stop)
    async with lane.strapi() as client:
        found: dict[int, int] = {}
        for page in (1, 2):
            answer = await client.get(
                "/api/products", params={"pagination[page]": page, "pagination[pageSize]": 100, "sort": "id"}
            )
            found |= {row["id"]: row["stock_available"] for row in answer.json()["data"]}
    assert found == expected.stock
