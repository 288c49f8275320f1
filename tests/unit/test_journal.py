"""The journal: what it notes of a movement's way, the connections and the stock."""

from __future__ import annotations

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
    StockBoard,
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
    journal.buried([DeadLetter(refused, "mqtt topic", 2.0, 0, 7)])
    assert journal.reasons == {"not-json": 1}
    assert journal.verdicts[Verdict.REJECTED] == 1
    assert (journal.decided.total, journal.rejected.total) == (1, 1)
    assert journal.latency[Hop.TOTAL].total == 0


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
    def board(self) -> StockBoard:
        board = StockBoard()
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
        self, board: StockBoard, reference: str, product_id: int | None
    ) -> None:
        found = board.find(reference)
        assert (found.id if found else None) == product_id

    def test_products_come_by_id(self, board: StockBoard) -> None:
        assert [product.id for product in board.products()] == [3, 7, 12]

    def test_a_movement_changes_a_row_that_is_there(self, board: StockBoard) -> None:
        version = board.version
        board.moved(3, 4, -1, 50.0)
        board.moved(99, 4, -1, 50.0)
        assert board.get(3) == self.PRODUCTS[0]._replace(stock=4, last_change=-1, changed_at=50.0)
        assert board.get(99) is None
        assert board.version == version + 1

    def test_a_reading_that_brings_no_news_changes_nothing(self, board: StockBoard) -> None:
        board.moved(3, 4, -1, 50.0)
        version = board.version
        board.read([self.PRODUCTS[0]._replace(stock=4, changed_at=60.0)], complete=False)
        assert board.version == version
        assert board.get(3) == self.PRODUCTS[0]._replace(stock=4, last_change=-1, changed_at=50.0)

    def test_a_reading_tells_a_change_that_no_movement_made(self, board: StockBoard) -> None:
        board.read([self.PRODUCTS[0]._replace(stock=25, changed_at=60.0)], complete=False)
        assert board.get(3) == self.PRODUCTS[0]._replace(stock=25, last_change=20, changed_at=60.0)
        assert len(board) == 3

    def test_a_whole_reading_drops_what_is_gone(self, board: StockBoard) -> None:
        board.read(self.PRODUCTS[:1], complete=True)
        assert [product.id for product in board.products()] == [3]
