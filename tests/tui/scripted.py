"""A scripted engine that writes a real journal: the screen is real, the servers' answers are set by the test."""

from __future__ import annotations

import time
from concurrent.futures import Future
from typing import TYPE_CHECKING

from bridge.apply.product_history import ProductHistory
from bridge.errors import OpsciError
from bridge.identity import new_movement_id
from bridge.journal import Connection, DeadLetter, Journal, Journey, Product, Server, State, Verdict
from bridge.movement import Movement, Reason, Rejection, encode_movement, read_movement
from bridge.settings import ScreenSettings, Settings
from bridge.simulator import SimulatorStatus

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from bridge.infrastructure.facts import Facts

NOON = 1_700_000_000.0

GLOVES = Product(12, "doc12", "Licensed Concrete Gloves", 41, "1839282045", "safe", 0, NOON)
TOWELS = Product(13, "doc13", "Licensed Plastic Towels", 5, "0417620608", "danger", 0, NOON)
BIKE = Product(120, "doc120", "Bespoke Rubber Bike", 20, "0014487276", "safe", 0, NOON)


class ScriptedEngine:
    """A replacement for the chain; the test decides what happens."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings(screen=ScreenSettings(frames=30))
        self.journal = Journal(self.settings.screen.keep)
        self.watches = False
        self.read_only = False
        self.started = False
        self.stopped = False
        self.calls: list[str] = []
        self.published: list[tuple[bytes, Future[Journey]]] = []
        self.offset = 0
        self.old_letters: list[DeadLetter] = []
        """What stood in the errors topic before."""
        self.simulation = SimulatorStatus()
        self.simulation_refused = ""
        """Why the simulator can't start."""
        self.answers_at_once = False
        """Whether the broker has what is published by the time that publishing is over."""
        self.ledger: list[Journey] = []
        """What stands in the ledger, the oldest first."""
        self.ledger_refused = ""
        """Why it can't be read."""
        self.told: dict[Server, Facts | OpsciError | None] = dict.fromkeys(Server)
        """What each server answers who asks what is known of it; None where no answer comes."""
        self.replay_refused = ""
        """Why nothing can be applied again."""

    def start(self) -> None:
        self.started = True

    def stop(self, deadline: float | None = None) -> None:
        self.stopped = True

    def publish(self, payload: bytes, topic: str | None = None) -> Future[Journey]:
        answer: Future[Journey] = Future()
        self.published.append((payload, answer))
        if self.answers_at_once:
            answer.set_result(self.journey(payload))
        return answer

    def replay(self, letter: DeadLetter, payload: bytes | None = None) -> Future[Journey]:
        return self.publish(payload or letter.journey.payload)

    def letters(self) -> Future[list[DeadLetter]]:
        answer: Future[list[DeadLetter]] = Future()
        answer.set_result(self.old_letters)
        return answer

    def movements_of(self, product: Product, after: int = 0) -> Future[ProductHistory]:
        """The ledger's answer: the movements of the product that are applied or refused by now."""
        answer: Future[ProductHistory] = Future()
        if self.ledger_refused:
            answer.set_exception(OpsciError(self.ledger_refused))
            return answer
        rows = [(number, journey) for number, journey in enumerate(self.ledger, 1) if number > after]
        found = [journey for _, journey in reversed(rows) if journey.product == str(product.id)]
        answer.set_result(ProductHistory(found, rows[-1][0] if rows else 0))
        return answer

    def read_facts(self, server: Server) -> Future[Facts]:
        self.calls.append(f"read_facts {server.value}")
        answer: Future[Facts] = Future()
        told = self.told[server]
        if isinstance(told, OpsciError):
            answer.set_exception(told)
        elif told is not None:
            answer.set_result(told)
        return answer

    def start_simulator(self, objects: int, rate: float, errors: float = 0.0) -> Future[None]:
        answer = self._done(f"start_simulator {objects} {rate:g}{f' {errors:g}' if errors else ''}")
        if self.simulation_refused:
            answer = Future()
            answer.set_exception(OpsciError(self.simulation_refused))
        else:
            self.simulation = SimulatorStatus(running=True, objects=objects, rate=rate, errors=errors)
        return answer

    def stop_simulator(self) -> Future[None]:
        self.simulation = self.simulation._replace(running=False)
        return self._done("stop_simulator")

    def take_over(self) -> Future[None]:
        self.watches = False
        return self._done("take_over")

    def apply_missing(self) -> Future[tuple[int, int, int]]:
        answer: Future[tuple[int, int, int]] = Future()
        self.calls.append("apply_missing")
        if self.replay_refused:
            answer.set_exception(OpsciError(self.replay_refused))
        else:
            answer.set_result((12, 3, 1))
        return answer

    def reset_counters(self) -> Future[None]:
        self.journal.reset_counters()
        return self._done("reset_counters")

    def pause_apply(self) -> Future[None]:
        return self._done("pause_apply")

    def resume_apply(self) -> Future[None]:
        return self._done("resume_apply")

    def pause_ingest(self) -> Future[None]:
        return self._done("pause_ingest")

    def resume_ingest(self) -> Future[None]:
        return self._done("resume_ingest")

    def _done(self, call: str) -> Future[None]:
        self.calls.append(call)
        answer: Future[None] = Future()
        answer.set_result(None)
        return answer

    @classmethod
    def ready(cls) -> Self:
        """An engine with three products and three open connections."""
        scripted = cls()
        scripted.stock_up()
        for server in Server:
            scripted.connect(server, State.UP)
        return scripted

    def stock_up(self, *products: Product) -> None:
        """Add products to the stock."""
        self.journal.stock.read(products or (GLOVES, TOWELS, BIKE), complete=True)

    def connect(self, server: Server, state: State, detail: str = "", advice: str = "") -> None:
        """Change a connection's state."""
        self.journal.connections[server] = Connection(state, f"{server}.example:1", NOON, detail, advice)

    def journey(self, payload: bytes, topic: str = "topic") -> Journey:
        """One message as received from MQTT."""
        found = read_movement(payload)
        movement = found if isinstance(found, Movement) else None
        return Journey(
            new_movement_id(),
            payload,
            mqtt_topic=topic,
            movement=movement,
            rejection=None if isinstance(found, Movement) else found,
            qos=1,
            received_at=time.time(),
            kafka_topic="stock",
            key=movement.product if movement else topic,
        )

    def receive(self, count: int = 1, product: str = "12", amount: int = 5) -> list[Journey]:
        """Receive movements over MQTT."""
        payload = encode_movement(Movement(product, amount, "IN"))
        journeys = [self.journey(payload) for _ in range(count)]
        self.journal.arrived(journeys)
        return journeys

    def acknowledge(self, journeys: Sequence[Journey], partition: int = 3) -> None:
        """Acknowledge journeys as Kafka does."""
        for journey in journeys:
            journey.partition, journey.offset = partition, self.offset
            journey.acknowledged_at = (journey.received_at or NOON) + 0.012
            self.offset += 1
        self.journal.acknowledged(journeys)

    def apply(self, journeys: Sequence[Journey]) -> None:
        """Apply journeys to the stock's products as Strapi does, or reject unknown products."""
        for journey in journeys:
            assert journey.movement is not None
            journey.consumed_at = (journey.acknowledged_at or NOON) + 0.003
            journey.decided_at = time.time()
            product = self.journal.stock.find(journey.movement.product)
            if product is None:
                self.reject([journey], Reason.UNKNOWN_PRODUCT, f"no product is called {journey.movement.product}")
                continue
            journey.verdict = Verdict.APPLIED
            journey.product_id, journey.product_name = product.id, product.name
            journey.stock_before, journey.stock_after = product.stock, product.stock + journey.movement.delta
            self.journal.settled([journey])

    def carry(self) -> list[Journey]:
        """Carry what was published and has no answer as far as Strapi; returns it."""
        waiting = [(payload, answer) for payload, answer in self.published if not answer.done()]
        journeys = [self.journey(payload) for payload, _ in waiting]
        for (_, answer), journey in zip(waiting, journeys, strict=True):
            answer.set_result(journey)
            self.journal.published(journey)
        self.journal.arrived(journeys)
        self.acknowledge(journeys)
        self.apply(journeys)
        return journeys

    def reject(self, journeys: Sequence[Journey], reason: Reason, text: str) -> None:
        """Refuse journeys as Strapi does."""
        for journey in journeys:
            journey.decided_at = time.time()
            journey.verdict, journey.rejection = Verdict.REJECTED, Rejection(reason, text)
        self.journal.settled(journeys)

    def add_letters(self, count: int = 1) -> list[DeadLetter]:
        """Add dead letters."""
        letters = []
        for offset in range(count):
            journey = self.journey(encode_movement(Movement("12", 500, "OUT")))
            journey.verdict = Verdict.REJECTED
            journey.rejection = Rejection(Reason.INSUFFICIENT_STOCK, "41 in stock, 500 to take")
            letters.append(DeadLetter(journey, "kafka stock/3@128", NOON + offset, 0, offset))
        return letters

    def flow(self, count: int = 1, product: str = "12", amount: int = 5) -> list[Journey]:
        """Pass movements through all hops."""
        journeys = self.receive(count, product, amount)
        self.acknowledge(journeys)
        self.apply(journeys)
        return journeys
