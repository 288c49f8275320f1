"""The journal: notes on a movement's way, the connections and the stock."""

from __future__ import annotations

import time

import pytest

from bridge.journal import (
    Connection,
    DeadLetter,
    Hop,
    Journal,
    Journey,
    Product,
    Server,
    Stage,
    State,
    StockTable,
    Verdict,
)
from bridge.movement import Movement, Reason, Rejection


def test_a_movement_of_our_own_through_all_hops() -> None:
    journal = Journal(10)
    journal.stock.read([Product(12, "doc", "Valve", 41)], complete=True)
    journal.published(Journey("m", b"{}", mqtt_topic="topic", published_at=100.0))
    journey = Journey("m", b"{}", mqtt_topic="topic", movement=Movement("12", 5, "IN"), received_at=100.25)
    stages = [journey.stage]
    journal.arrived([journey])
    assert journal.journey("m") is journey
    assert journey.published_at == 100.0
    journey.kafka_topic, journey.partition, journey.offset, journey.acknowledged_at = "stock", 3, 128, 100.5
    journal.acknowledged([journey])
    stages.append(journey.stage)
    assert journey.position == "p3@128"
    journey.consumed_at = 101.0
    journal.consumed([journey])
    journey.verdict, journey.product_id, journey.stock_after, journey.decided_at = Verdict.APPLIED, 12, 46, 102.25
    journal.settled([journey])
    assert [*stages, journey.stage] == [Stage.RECEIVED, Stage.ACKNOWLEDGED, Stage.DECIDED]
    assert [ring.next for ring in (journal.mqtt, journal.kafka, journal.strapi, journal.errors)] == [1, 1, 1, 0]
    sums = {hop: histogram.sum for hop, histogram in journal.latency.items()}
    assert sums == {Hop.INGEST: 0.25, Hop.KAFKA: 0.5, Hop.APPLY: 1.25, Hop.TOTAL: 2.0}
    assert journal.stock.get(12) == Product(12, "doc", "Valve", 46, last_change=5, changed_at=102.25)


def test_a_record_of_another_program_enters_with_the_consumer() -> None:
    journal = Journal(10)
    foreign = Journey("stock/3@128/0", b"{}", consumed_at=2.0)
    known = Journey("m", b"{}", received_at=1.0, acknowledged_at=1.5, consumed_at=2.0)
    journal.arrived([known])
    journal.acknowledged([known])
    journal.consumed([foreign, known])
    assert journal.kafka.slice(0, 9) == [known, foreign]
    assert journal.journey("stock/3@128/0") is foreign


def test_a_rejection_at_ingest_is_counted_and_is_no_latency_to_strapi() -> None:
    journal = Journal(10)
    refused = Journey("m", b"", received_at=1.0, decided_at=2.0, verdict=Verdict.REJECTED)
    refused.rejection = Rejection(Reason.NOT_JSON, "no")
    journal.settled([refused])
    journal.dead_lettered([DeadLetter(refused, "mqtt topic", 2.0, 0, 7)])
    assert journal.reasons == {"not-json": 1}
    assert journal.verdicts[Verdict.REJECTED] == 1
    assert (journal.decided.total, journal.rejected.total) == (1, 1)
    assert journal.latency[Hop.TOTAL].total == 0


def test_each_figure_counts_what_it_says() -> None:
    journal = Journal(10)
    times = {"received_at": 1.0, "acknowledged_at": 2.0, "consumed_at": 3.0, "decided_at": 4.0}

    def journey(name: str, verdict: Verdict, reason: Reason | None = None, **more: object) -> Journey:
        rejection = None if reason is None else Rejection(reason, "no")
        return Journey(name, b"", verdict=verdict, rejection=rejection, **{**times, **more})  # type: ignore[arg-type]

    movement = Movement("12", 5, "OUT")
    answered = [
        journey("applied", Verdict.APPLIED, movement=movement),
        journey("insufficient", Verdict.REJECTED, Reason.INSUFFICIENT_STOCK, movement=movement),
        journey("duplicate", Verdict.DUPLICATE, movement=movement),
        journey("product", Verdict.CARRIED),
        journey("bad-product", Verdict.REJECTED, Reason.REFUSED_BY_STRAPI),
    ]
    without_strapi = [
        journey("at-ingest", Verdict.REJECTED, Reason.ZERO_AMOUNT, acknowledged_at=None, consumed_at=None),
        journey("retained", Verdict.REJECTED, Reason.RETAINED_COPY, movement=movement, consumed_at=None),
        journey("in-kafka", Verdict.REJECTED, Reason.NOT_JSON),
        journey("no-barcode", Verdict.REJECTED, Reason.NO_PRODUCT),
    ]
    all_of_them = [*answered, *without_strapi]
    journal.acknowledged([one for one in all_of_them if one.acknowledged_at is not None])
    journal.consumed([one for one in all_of_them if one.consumed_at is not None])
    journal.settled(all_of_them)
    assert (journal.decided.total, journal.answered.total) == (len(all_of_them), len(answered))
    measured = {hop: histogram.total for hop, histogram in journal.latency.items()}
    assert measured == {Hop.INGEST: 4, Hop.KAFKA: 3, Hop.APPLY: 3, Hop.TOTAL: 3}


def test_it_forgets_what_is_long_past() -> None:
    journal = Journal(10)
    for start in range(0, 1000, 10):
        journal.arrived([Journey(str(number), b"", received_at=1.0) for number in range(start, start + 10)])
    assert journal.journey("999") is not None
    assert journal.journey("0") is None
    assert len(journal.mqtt) == 10


def test_a_connection_stays_since_it_came_into_its_state(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("bridge.journal.connection.time.time", lambda: now[0])
    journal = Journal(10)
    journal.connections[Server.MQTT] = Connection(address="ws://h")
    journal.connection(Server.MQTT, State.DOWN, "refused", "start it")
    now[0] = 1005.0
    journal.connection(Server.MQTT, State.DOWN, "refused again")
    assert journal.connections[Server.MQTT] == Connection(State.DOWN, "ws://h", 1000.0, "refused again")
    journal.connection(Server.MQTT, State.UP)
    assert journal.connections[Server.MQTT] == Connection(State.UP, "ws://h", 1005.0)


class TestStockBoard:
    PRODUCTS = (
        Product(3, "doc3", "Third", 5, barcode="12"),
        Product(12, "doc12", "Twelfth", 7, barcode="0417620608"),
        Product(7, "0417620608", "Seventh", 9),
    )

    @pytest.fixture
    def board(self) -> StockTable:
        board = StockTable()
        board.read(self.PRODUCTS, complete=True)
        return board

    @pytest.mark.parametrize(
        ("reference", "product_id"),
        [
            ("12", 12),
            ("3", 3),
            ("doc3", 3),
            ("0417620608", 7),
            ("99", None),
            ("012", None),
            ("", None),
            ("9" * 5000, None),
        ],
    )
    def test_a_product_is_found_by_id_then_document_then_barcode(
        self, board: StockTable, reference: str, product_id: int | None
    ) -> None:
        found = board.find(reference)
        assert (found.id if found else None) == product_id

    def test_products_come_by_id(self, board: StockTable) -> None:
        assert [product.id for product in board.products()] == [3, 7, 12]

    def test_a_movement_changes_a_row_that_is_there(self, board: StockTable) -> None:
        version = board.version
        board.moved(3, 4, -1, 50.0)
        board.moved(99, 4, -1, 50.0)
        assert board.get(3) == self.PRODUCTS[0]._replace(stock=4, last_change=-1, changed_at=50.0)
        assert board.get(99) is None
        assert board.version == version + 1

    def test_a_reading_that_brings_no_news_changes_nothing(self, board: StockTable) -> None:
        board.moved(3, 4, -1, 50.0)
        version = board.version
        board.read([self.PRODUCTS[0]._replace(stock=4, changed_at=60.0)], complete=False)
        assert board.version == version
        assert board.get(3) == self.PRODUCTS[0]._replace(stock=4, last_change=-1, changed_at=50.0)

    def test_a_reading_tells_a_change_that_no_movement_made(self, board: StockTable) -> None:
        board.read([self.PRODUCTS[0]._replace(stock=25, changed_at=60.0)], complete=False)
        assert board.get(3) == self.PRODUCTS[0]._replace(stock=25, last_change=20, changed_at=60.0)
        assert len(board) == 3

    def test_a_whole_reading_drops_what_is_gone(self, board: StockTable) -> None:
        board.read(self.PRODUCTS[:1], complete=True)
        assert [product.id for product in board.products()] == [3]


def test_the_board_has_one_row_for_a_product_whichever_of_its_rows_was_read() -> None:
    board = StockTable()
    board.read([Product(4, "abc", "Lamp", 42)], complete=True)
    board.read([Product(3, "abc", "Lamp", 43)], complete=False)
    board.also([(27, "abc"), (28, "abc"), (9, "gone")])
    assert [(each.id, each.stock, each.last_change) for each in board.products()] == [(3, 43, 1)]
    assert {number: board.own(number) for number in (3, 4, 27, 28, 9)} == {3: 3, 4: 3, 27: 3, 28: 3, 9: 9}
    board.moved(28, 44, 1, 5.0)
    assert board.find("4") == board.get(27) == Product(3, "abc", "Lamp", 44, last_change=1, changed_at=5.0)
    board.keep(set())
    assert (board.get(27), board.id_of("abc"), len(board)) == (None, None, 0)


def test_a_journal_goes_on_with_the_next_engine() -> None:
    """What happened stays, what one engine's connections were goes, and what another server's was as well."""
    journal = Journal(100)
    journal.received.add(3)
    journal.notes.update({"skipped": "8 were deleted", "apply": "movements wait"})
    journal.skipped[("stock", 0)] = 8
    journal.stock.read([Product(12, "doc12", "Gloves", 41)], complete=True)
    journal.connection(Server.MQTT, State.UP)
    journal.lag = 7
    journal.go_on(200)
    assert (journal.received.total, journal.notes, len(journal.stock)) == (3, {"skipped": "8 were deleted"}, 1)
    assert journal.connections[Server.MQTT].state is not State.UP
    assert (journal.lag, journal.mqtt.capacity, journal.errors.capacity) == (-1, 200, 200)
    journal.go_on(200, same_strapi=False)
    assert (journal.received.total, journal.notes, journal.skipped, len(journal.stock)) == (3, {}, {}, 0)


def test_what_was_before_the_start_stands_once_and_counts_nowhere() -> None:
    journal = Journal(10, 5)
    ours = Journey("ours", b"1", received_at=5.0, kafka_topic="stock", partition=0, offset=7)
    unplaced = Journey("unplaced", b"2", received_at=5.0)
    journal.arrived([ours, unplaced])
    form = Journey("form", b"3", published_at=time.time())
    sent_before = Journey("sent before", b"4", published_at=1.0)
    journal.published(form)
    journal.published(sent_before)
    before = Journey("before", b"0", received_at=1.0, kafka_topic="stock", partition=0, offset=3, earlier=True)
    again = Journey("ours", b"0", kafka_topic="stock", partition=0, offset=4, earlier=True)
    found = Journey("sent before", b"4", kafka_topic="stock", partition=0, offset=5, earlier=True)
    noted = journal.precede(
        [
            before,
            again,
            found,
            Journey("ours", b"1", received_at=5.0, kafka_topic="stock", partition=0, offset=7, earlier=True),
            Journey("unplaced", b"2", received_at=5.0, kafka_topic="stock", partition=0, offset=8, earlier=True),
            Journey("form", b"3", received_at=5.0, kafka_topic="stock", partition=0, offset=9, earlier=True),
        ]
    )
    assert noted == [before, again, found]
    assert journal.mqtt.slice(0, 99) == [before, ours, unplaced]
    assert journal.kafka.slice(0, 99) == noted
    # Only who is given a record by Kafka looks for those of before: to others they are no news.
    assert [journal.journey(name) for name in ("before", "ours", "form")] == [None, ours, form]
    assert (list(journal.journeys("ours")), list(journal.known("ours"))) == ([ours], [again, ours])
    assert not journal.journeys("sent before")
    assert (journal.received.total, journal.produced.total) == (2, 0)
    # The engine may get one to carry after all, as a position was set back.
    before.acknowledged_at, before.consumed_at = 1.5, 6.0
    journal.consumed([before])
    before.decided_at, before.verdict = 6.5, Verdict.DUPLICATE
    journal.settled([before])
    assert journal.kafka.slice(0, 99) == noted
    assert journal.latency[Hop.TOTAL].total == 0
