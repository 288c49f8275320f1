"""Products with several rows in Strapi 5: Draft & Publish, locales, and a person in the admin panel meanwhile.

Each with our ledger and with plain REST.
"""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

import bridge.strapi.product_poller
from bridge.command.check import check_strapi
from bridge.journal import Journal, Verdict
from bridge.strapi.product_poller import ProductPoller
from tests.chain import postgres
from tests.chain.applying import applying, movement, produce
from tests.chain.drafts import DraftStack, Panel, Rows
from tests.chain.lane import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from bridge.settings import Settings
    from tests.chain.lane import Lane

ON_BOTH = pytest.mark.parametrize("drafts", ["ledger", "plain"], indirect=True)
ON_LOCALES = pytest.mark.parametrize("drafts", ["ledger-locales", "plain-locales"], indirect=True)
ON_LEDGERS = pytest.mark.parametrize("drafts", ["ledger", "ledger-locales", "ledger-postgres"], indirect=True)
ON_ALL = pytest.mark.parametrize(
    "drafts", ["ledger", "plain", "ledger-locales", "plain-locales", "ledger-postgres"], indirect=True
)


@pytest.fixture(scope="module")
def drafts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DraftStack]:
    kind: str = request.param
    state = tmp_path_factory.mktemp(kind)
    with contextlib.ExitStack() as opened:
        server = opened.enter_context(postgres.running()) if "postgres" in kind else None
        made = DraftStack(
            state,
            ledger="ledger" in kind,
            localized="locales" in kind,
            environment=server.environment if server is not None else {},
        )
        yield opened.enter_context(made)


@pytest.fixture
def is_plain(drafts: DraftStack) -> bool:
    return not drafts.has_ledger


@pytest.fixture
async def panel(drafts: DraftStack) -> AsyncIterator[Panel]:
    made = Panel(drafts)
    async with made.http:
        await made.log_in()
        yield made


@pytest.fixture
async def rows(drafts: DraftStack) -> AsyncIterator[Rows]:
    made = Rows(drafts)
    async with made.http:
        yield made


@pytest.fixture
def settings(lane: Lane, drafts: DraftStack) -> Settings:
    return lane.settings(
        strapi={"url": drafts.addresses.strapi, "token": drafts.bridge_token, "refresh": 0.1, "position_field": ""}
    )


@pytest.fixture(autouse=True)
def _no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make all products be read again as soon as one is missing, however long that takes."""
    monkeypatch.setattr(bridge.strapi.product_poller, "_REST", 0)


@contextlib.asynccontextmanager
async def board(settings: Settings) -> AsyncIterator[Journal]:
    journal = Journal()
    task = asyncio.create_task(ProductPoller(settings, journal).run())
    try:
        yield journal
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def apply_all(lane: Lane, settings: Settings, values: list[bytes]) -> Journal:
    """Apply movements one after the other; return the journal."""
    async with applying(settings) as (journal, _):
        for number, value in enumerate(values, 1):
            await produce(lane, lane.stock, [value])
            await until(lambda number=number: journal.decided.total == number)  # type: ignore[misc]
        return journal


@ON_ALL
async def test_every_id_that_a_row_has_or_had_names_its_product(
    lane: Lane, settings: Settings, panel: Panel, rows: Rows
) -> None:
    product = await rows.add(42)
    first, draft = await rows.published(product), await rows.draft(product)
    assert first["id"] != draft["id"]
    journal = await apply_all(lane, settings, [movement(first["id"], 1)] * 4)
    assert journal.verdicts[Verdict.APPLIED] == 4
    await panel.do("publish", product)
    journal = await apply_all(lane, settings, [movement(each, 1) for each in (first["id"], draft["id"], product)])
    assert journal.verdicts[Verdict.APPLIED] == 3
    assert await rows.stocks(product) == {49}
    assert (await rows.draft(product))["id"] == draft["id"]


@ON_ALL
async def test_publishing_and_discarding_bring_no_old_stock_back(
    lane: Lane, settings: Settings, panel: Panel, rows: Rows
) -> None:
    product = await rows.add(42)
    await apply_all(lane, settings, [movement(product, 7)])
    assert await rows.stocks(product) == {49}
    await panel.do("publish", product)
    assert await rows.stocks(product) == {49}
    await apply_all(lane, settings, [movement(product, -9)])
    await panel.do("discard", product)
    assert await rows.stocks(product) == {40}
    await apply_all(lane, settings, [movement((await rows.draft(product))["id"], 2)])
    assert await rows.stocks(product) == {42}


@ON_BOTH
async def test_a_product_that_is_not_published_is_moved_and_stays_unpublished(
    lane: Lane, settings: Settings, panel: Panel, rows: Rows
) -> None:
    product = (await panel.create(name="Hidden", stock_available=5, barcode="hidden-code"))["documentId"]
    draft = await rows.draft(product)
    names = (draft["id"], product, "hidden-code")
    journal = await apply_all(lane, settings, [movement(name, 1) for name in names])
    assert journal.verdicts[Verdict.APPLIED] == 3
    assert await rows.published(product) is None
    await panel.do("publish", product)
    assert await rows.stocks(product) == {8}
    await panel.do("unpublish", product)
    await apply_all(lane, settings, [movement(product, -8)])
    assert (await rows.published(product), await rows.stocks(product)) == (None, {0})
    await panel.delete(product)


@ON_BOTH
async def test_a_product_that_was_deleted_and_made_again_is_another_one(
    lane: Lane, settings: Settings, panel: Panel, rows: Rows
) -> None:
    old = await rows.add(10, barcode="again-code")
    number = (await rows.published(old))["id"]
    await apply_all(lane, settings, [movement(number, 1), movement("again-code", 1)])
    async with board(settings) as journal:
        await until(lambda: journal.stock.id_of(old) is not None)
        await panel.delete(old)
        new = await rows.add(100, barcode="again-code")
        await until(lambda: journal.stock.id_of(old) is None and journal.stock.id_of(new) is not None)
    journal = await apply_all(lane, settings, [movement(number, 1), movement(old, 1), movement("again-code", 1)])
    assert journal.reasons == {"unknown-product": 2}
    assert await rows.stocks(new) == {101}


@ON_BOTH
async def test_the_board_has_one_row_for_a_product(lane: Lane, settings: Settings, panel: Panel, rows: Rows) -> None:
    product = await rows.add(3)
    hidden = (await panel.create(name="Hidden", stock_available=5))["documentId"]
    first, draft = await rows.published(product), await rows.draft(product)
    async with board(settings) as journal:
        stock = journal.stock
        await until(lambda: {product, hidden} <= {each.document_id for each in stock.products()})
        await until(lambda: stock.id_of(product) == draft["id"])
        for number in range(1, 5):
            await apply_all(lane, settings, [movement(draft["id"], 1)])
            await until(lambda number=number: stock.get(draft["id"]).stock == 3 + number)  # type: ignore[misc, union-attr]
            shown = [each.document_id for each in stock.products()]
            assert len(shown) == len(set(shown)) == stock.total
        published = await rows.published(product)
        await until(lambda: (found := stock.get(published["id"])) is not None and found.document_id == product)
        assert stock.find(str(first["id"])) == stock.get(draft["id"])
        # An edit that nobody published is not the stock of today by plain REST, and with the ledger it is.
        await panel.save(product, {**(await panel.open(product)), "name": "Edited"})
        await apply_all(lane, settings, [movement(product, 1)])
        await until(lambda: stock.get(draft["id"]).stock == 8)  # type: ignore[union-attr]
    await panel.delete(hidden)


@ON_ALL
async def test_what_someone_saves_in_the_panel_undoes_no_movement(
    lane: Lane, settings: Settings, panel: Panel, rows: Rows, is_plain: bool
) -> None:
    product = await rows.add(42)
    form = await panel.open(product)
    await apply_all(lane, settings, [movement(product, 7)])
    await panel.save(product, {**form, "name": "Renamed"})
    journal = await apply_all(lane, settings, [movement(product, 1)])
    if is_plain:
        # The draft that was saved is behind; what is published counts, and the movement publishes the new name.
        assert "unfinished edits published so far: 1" in journal.notes["drafts"]
    assert (await rows.stocks(product), (await rows.draft(product))["name"]) == ({50}, "Renamed")


@ON_ALL
async def test_what_cannot_be_guaranteed_is_said(
    lane: Lane, settings: Settings, rows: Rows, drafts: DraftStack, is_plain: bool
) -> None:
    product = await rows.add(1)
    journal = await apply_all(lane, settings, [movement(product, 1)])
    found = [finding async for finding in check_strapi(settings)]
    text = "\n".join(finding.what for finding in found)
    assert all(finding.ok for finding in found), text
    if is_plain:
        assert {"edits", "drafts"} <= journal.notes.keys()
        assert ("locales" in journal.notes) is drafts.is_localized
        assert all(journal.notes[key] in text for key in ("edits", "drafts"))
    else:
        assert not {"edits", "drafts", "locales"} & journal.notes.keys()
        assert "all rows of a product keep the same stock" in text


@ON_BOTH
async def test_an_engine_that_starts_again_knows_the_ids_of_before(lane: Lane, settings: Settings, rows: Rows) -> None:
    exact = replace(settings, strapi=replace(settings.strapi, position_field="movement_position"))
    product = await rows.add(0)
    first = (await rows.published(product))["id"]
    async with applying(exact, drain=False) as (journal, _):
        await produce(lane, lane.stock, [movement(first, 1)])
        await until(lambda: journal.decided.total == 1)
    async with applying(exact) as (journal, _):
        await produce(lane, lane.stock, [movement(first, 1)] * 2)
        await until(lambda: journal.verdicts[Verdict.APPLIED] == 2)
        assert not journal.reasons
    assert await rows.stocks(product) == {3}


@ON_BOTH
async def test_an_id_that_went_while_the_engine_had_nothing_to_do_names_its_product(
    lane: Lane, settings: Settings, panel: Panel, rows: Rows, is_plain: bool
) -> None:
    product = await rows.add(0)
    first = (await rows.published(product))["id"]
    known = Path(settings.mqtt.outbox) / "product-ids"
    async with applying(settings) as (journal, _):
        if is_plain:
            await until(lambda: known.exists() and f"{first} {product}\n" in known.read_text())
        await panel.do("publish", product)
        await produce(lane, lane.stock, [movement(first, 1)])
        await until(lambda: journal.decided.total == 1)
        assert journal.verdicts[Verdict.APPLIED] == 1
    assert await rows.stocks(product) == {1}


@ON_BOTH
async def test_a_product_record_finds_the_product_that_is_not_published(
    lane: Lane, settings: Settings, panel: Panel, rows: Rows
) -> None:
    product = (await panel.create(name="Hidden", stock_available=5, barcode="record-code"))["documentId"]
    async with applying(settings) as (journal, _):
        await produce(lane, lane.product, [b'{"name": "Named", "barcode": "record-code", "status": "danger"}'])
        await until(lambda: journal.decided.total == 1)
        assert journal.verdicts[Verdict.CARRIED] == 1
    draft: dict[str, Any] = await rows.draft(product)
    assert (draft["name"], draft["statuss"], draft["stock_available"]) == ("Named", "danger", 5)
    assert await rows.published(product) is None
    await panel.delete(product)


@ON_LOCALES
async def test_all_locales_of_a_product_keep_one_stock(
    lane: Lane, settings: Settings, panel: Panel, rows: Rows
) -> None:
    product = await rows.add(10)
    await panel.add_locale("fr")
    await rows.write(product, {"name": "Lampe", "stock_available": 10}, locale="fr")
    french = await rows.published(product, locale="fr")
    journal = await apply_all(lane, settings, [movement(french["id"], 5), movement(product, -3)])
    assert journal.verdicts[Verdict.APPLIED] == 2
    assert await rows.stocks(product) == {12}
    assert (await rows.published(product, locale="fr"))["name"] == "Lampe"
    async with board(settings) as seen:
        await until(lambda: seen.stock.id_of(product) is not None)
        assert [each.document_id for each in seen.stock.products()].count(product) == 1
        assert seen.stock.find(str((await rows.published(product, locale="fr"))["id"])).document_id == product  # type: ignore[union-attr]


@ON_LEDGERS
async def test_forms_that_are_saved_and_published_while_movements_come_undo_none_of_them(
    lane: Lane, settings: Settings, panel: Panel, rows: Rows
) -> None:
    products = [await rows.add(1000) for _ in range(3)]
    async with applying(settings) as (journal, _):

        async def edit(product: str) -> None:
            for number in range(8):
                form = await panel.open(product)
                await asyncio.sleep(0.02)
                await panel.do("publish", product, {**form, "name": f"Name {number}"})
                await panel.save(product, {**form, "name": "Unfinished"})
                await panel.do("discard", product)

        async def move() -> None:
            for _ in range(40):
                await produce(lane, lane.stock, [movement(product, 1) for product in products])

        await asyncio.gather(move(), *map(edit, products))
        await until(lambda: journal.decided.total == 120)
        assert journal.verdicts[Verdict.APPLIED] == 120
    assert [await rows.stocks(product) for product in products] == [{1040}] * 3


async def test_a_stale_form_undoes_no_movement_where_products_have_no_drafts(lane: Lane, tmp_path: Path) -> None:
    with DraftStack(tmp_path, drafts=False) as one:
        panel, rows = Panel(one), Rows(one)
        async with panel.http, rows.http:
            await panel.log_in()
            product = await rows.add(42)
            form = await panel.open(product)
            settings = lane.settings(strapi={"url": one.addresses.strapi, "token": one.bridge_token})
            await apply_all(lane, settings, [movement(product, 7), movement(product, -2)])
            await panel.save(product, {**form, "name": "Renamed"})
            assert await rows.stocks(product) == {47}
            # A person who counted: what came while the form was open comes on top, and a fresh form counts as it is.
            await panel.save(product, {**form, "stock_available": 100})
            assert await rows.stocks(product) == {105}
            await panel.save(product, {**(await panel.open(product)), "stock_available": 60})
            assert await rows.stocks(product) == {60}
