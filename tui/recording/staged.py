"""An engine without servers: published movements pass through a real journal on a simulated timetable.

For films that are the same in every run. It imitates the chain only as far as a film shows it.
"""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from concurrent.futures import Future
from typing import TYPE_CHECKING, Final, TypeVar

from bridge.apply.product_history import ProductHistory
from bridge.errors import OpsciError, PublishError
from bridge.journal import Connection, DeadLetter, Journal, Journey, Product, Server, State, Verdict
from bridge.movement import Movement, Reason, Rejection, read_movement
from bridge.phrase import Phrase
from bridge.settings import Settings
from bridge.simulator import SimulatorStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.infrastructure.facts import Facts

__all__ = ["StagedEngine", "staged_products"]


_ROWS: Final = (
    (1, "Capteur de température DS18B20", 42, "2000021123397", "safe"),
    (2, "Capteur d'humidité SHT31", 28, "2000083166691", "safe"),
    (3, "Capteur de CO2 SCD41", 9, "2000145209991", "safe"),
    (4, "Détecteur de mouvement PIR", 61, "2000207253290", "safe"),
    (5, "Carte ESP32-C6", 35, "2000269296594", "safe"),
    (6, "Carte Raspberry Pi Pico 2 W", 24, "2000331339891", "safe"),
    (7, "Raspberry Pi 5, 8 Go", 4, "2000393383191", "danger"),
    (8, "Carte microSD 64 Go", 73, "2000455426491", "safe"),
    (9, "Alimentation USB-C 27 W", 18, "2000517469794", "safe"),
    (10, "Batterie LiPo 2000 mAh", 15, "2000579513091", "danger"),
    (11, "Panneau solaire 6 V 3 W", 11, "2000641556391", "safe"),
    (12, "Module LoRa SX1262", 20, "2000703599694", "safe"),
    (13, "Antenne 868 MHz", 32, "2000765642994", "safe"),
    (14, "Passerelle LoRaWAN", 2, "2000827686294", "danger"),
    (15, "Relais 4 canaux", 26, "2000889729595", "safe"),
    (16, "Servomoteur SG90", 88, "2000951772894", "safe"),
    (17, "Moteur pas à pas NEMA 17", 13, "2001013816198", "safe"),
    (18, "Pilote TMC2209", 21, "2001075859492", "safe"),
    (19, "Écran OLED 1,3 pouce", 37, "2001137902791", "safe"),
    (20, "Écran e-paper 4,2 pouces", 6, "2001199946092", "safe"),
    (21, "Lecteur RFID RC522", 44, "2001261989392", "safe"),
    (22, "Lot de 10 badges RFID", 0, "2001324032690", "empty"),
    (23, "Douchette code-barres USB", 8, "2001386075994", "safe"),
    (24, "Imprimante d'étiquettes 58 mm", 3, "2001448119291", "danger"),
)
"""Id, name, stock, barcode, status."""

_SERVERS: Final = {"mosquitto": Server.MQTT, "kafka": Server.KAFKA, "strapi": Server.STRAPI}

_ADDRESSES: Final = {
    Server.MQTT: "ws://127.0.0.1:1883",
    Server.KAFKA: "127.0.0.1:9092",
    Server.STRAPI: "http://127.0.0.1:1337",
}

_CONNECTS: Final = {Server.MQTT: 0.4, Server.KAFKA: 0.9, Server.STRAPI: 0.6}

_PARTITIONS: Final = 6

Result = TypeVar("Result")


def staged_products(now: float) -> list[Product]:
    """Return the products, last changed some hours before `now` (seconds since the epoch)."""
    return [
        Product(number, f"staged{number:02d}", name, stock, barcode, status, 0, now - 7_200 - 61 * number)
        for number, name, stock, barcode, status in _ROWS
    ]


class StagedEngine:
    """Implements `tui.engine.Engine`, and stops and starts its simulated servers for a tour.

    Args:
        settings: the screen's settings.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self.journal = Journal(self.settings.screen.keep)
        self.watches = self.read_only = False
        self.simulation = SimulatorStatus()
        self._up: set[Server] = set()
        self._paused: set[Server] = set()
        self._waiting: dict[Server, list[Journey]] = {server: [] for server in Server}
        self._offsets = [20 + 7 * partition for partition in range(_PARTITIONS)]
        self._letters = 0
        self._chance = random.Random(12)  # noqa: S311 - the same at every run
        self._numbered = 0
        for server, address in _ADDRESSES.items():
            self.journal.connections[server] = Connection(State.OFF, address)

    def start(self) -> None:
        """Connect to all three servers, one after the other."""
        for server, seconds in _CONNECTS.items():
            self.journal.connection(server, State.CONNECTING)
            self._later(seconds, self._came_up, server)

    def stop(self, deadline: float | None = None) -> None:
        """Do nothing: there is nothing to stop."""

    def publish(self, payload: bytes, topic: str | None = None) -> Future[Journey]:
        """Publish a payload on the simulated broker."""
        answer: Future[Journey] = Future()
        movement = read_movement(payload)
        self._numbered += 1
        journey = Journey(
            str(uuid.UUID(int=(int(time.time() * 1000) << 80) | (7 << 76) | (2 << 62) | self._numbered)),
            payload,
            mqtt_topic=topic or self.settings.mqtt.publish_topic,
            movement=movement if isinstance(movement, Movement) else None,
            qos=1,
            published_at=time.time(),
        )
        self.journal.published(journey)
        self._later(self._between(0.004, 0.009), self._took, journey, answer)
        return answer

    def replay(self, letter: DeadLetter, payload: bytes | None = None) -> Future[Journey]:
        """Publish a dead letter's payload, or a replacement, as a new movement."""
        return self.publish(letter.journey.payload if payload is None else payload, letter.journey.mqtt_topic)

    def letters(self) -> Future[list[DeadLetter]]:
        """Return no letters."""
        return _done([])

    def movements_of(self, product: Product, after: int = 0) -> Future[ProductHistory]:
        """Return the product's decided movements in the journal on the first request."""
        found = self.journal.kafka.slice(self.journal.kafka.first, self.journal.kafka.next) if not after else []
        decided = [one for one in reversed(found) if one.verdict is not None and one.product_id == product.id]
        return _done(ProductHistory(decided, 1))

    def read_facts(self, server: Server) -> Future[Facts]:
        """Fail: there is no server to ask."""
        answer: Future[Facts] = Future()
        answer.set_exception(OpsciError("a staged chain has no servers"))
        return answer

    def start_simulator(self, objects: int, rate: float, errors: float = 0.0) -> Future[None]:
        """Fail: a tour says itself what its objects send."""
        answer: Future[None] = Future()
        answer.set_exception(OpsciError("a staged chain has no simulated objects"))
        return answer

    def stop_simulator(self) -> Future[None]:
        return _done(None)

    def take_over(self) -> Future[None]:
        """Do nothing: it carries its chain already."""
        return _done(None)

    def apply_missing(self) -> Future[tuple[int, int, int]]:
        answer: Future[tuple[int, int, int]] = Future()
        answer.set_result((0, 0, 0))
        return answer

    def reset_counters(self) -> Future[None]:
        self.journal.reset_counters()
        return _done(None)

    def pause_apply(self) -> Future[None]:
        """Let movements wait in Kafka."""
        return self._pause(Server.STRAPI)

    def resume_apply(self) -> Future[None]:
        return self._resume(Server.STRAPI)

    def pause_ingest(self) -> Future[None]:
        """Let messages wait at the broker."""
        return self._pause(Server.KAFKA)

    def resume_ingest(self) -> Future[None]:
        """Resume taking messages."""
        return self._resume(Server.KAFKA)

    async def stop_server(self, name: str) -> None:
        """Make a server unavailable: what needs it waits."""
        server = _SERVERS[name]
        await asyncio.sleep(0.5)
        self._up.discard(server)
        detail = Phrase("nothing answers at {address}", address=_ADDRESSES[server])
        self.journal.connection(server, State.DOWN, detail, Phrase("movements wait; start it again"))

    async def start_server(self, name: str) -> None:
        """Make it available again: what waited goes on."""
        await asyncio.sleep(2)
        self._came_up(_SERVERS[name])

    def _came_up(self, server: Server) -> None:
        self._up.add(server)
        self.journal.connection(server, State.UP)
        if server is Server.STRAPI and not len(self.journal.stock):
            self.journal.stock.read(staged_products(time.time()), complete=True)
        self.journal.lag = 0 if self.journal.lag < 0 else self.journal.lag
        self._release(server)

    def _took(self, published: Journey, answer: Future[Journey]) -> None:
        if Server.MQTT not in self._up:
            answer.set_exception(PublishError(Phrase("the broker does not answer; it was not sent")))
            return
        answer.set_result(published)
        found = read_movement(published.payload)
        journey = Journey(
            published.movement_id,
            published.payload,
            mqtt_topic=published.mqtt_topic,
            movement=published.movement,
            rejection=None if isinstance(found, Movement) else found,
            qos=1,
            received_at=time.time(),
            kafka_topic="stock",
            key=published.movement.product if published.movement else None,
        )
        self.journal.arrived([journey])
        if journey.rejection is not None:
            self._later(self._between(0.006, 0.012), self._reject, journey, journey.rejection)
        else:
            self._pass(Server.KAFKA, journey)

    def _pass(self, server: Server, journey: Journey) -> None:
        """Pass a journey to a server, or queue it while the server is unavailable or paused."""
        if server in self._up and server not in self._paused:
            act = self._acknowledge if server is Server.KAFKA else self._decide
            self._later(self._between(0.006, 0.014) + 0.012 * (server is Server.STRAPI), act, journey)
        else:
            self._waiting[server].append(journey)
            self.journal.lag = len(self._waiting[Server.STRAPI])

    def _acknowledge(self, journey: Journey) -> None:
        partition = int(journey.key or 0) % _PARTITIONS if (journey.key or "").isdigit() else 0
        journey.partition, journey.offset = partition, self._offsets[partition]
        self._offsets[partition] += 1
        journey.acknowledged_at = time.time()
        self.journal.acknowledged([journey])
        journey.consumed_at = time.time() + 0.003
        self.journal.consumed([journey])
        self._pass(Server.STRAPI, journey)

    def _decide(self, journey: Journey) -> None:
        movement = journey.movement
        if movement is None:
            return
        product = self.journal.stock.find(movement.product)
        if product is None:
            text = Phrase("no product has the id, documentId or barcode {product!r}", product=movement.product)
            self._reject(journey, Rejection(Reason.UNKNOWN_PRODUCT, text))
        elif product.stock + movement.delta < 0:
            text = Phrase("stock is {stock}, the movement takes {amount}", stock=product.stock, amount=movement.amount)
            self._reject(journey, Rejection(Reason.INSUFFICIENT_STOCK, text))
        else:
            journey.product_id, journey.product_name = product.id, product.name
            journey.stock_before, journey.stock_after = product.stock, product.stock + movement.delta
            self._settle(journey, Verdict.APPLIED)

    def _reject(self, journey: Journey, rejection: Rejection) -> None:
        journey.rejection = rejection
        where = (
            f"kafka stock/{journey.partition}@{journey.offset}" if journey.position else f"mqtt {journey.mqtt_topic}"
        )
        self._settle(journey, Verdict.REJECTED)
        self.journal.dead_lettered([DeadLetter(journey, where, time.time(), 0, self._letters)])
        self._letters += 1

    def _settle(self, journey: Journey, verdict: Verdict) -> None:
        journey.decided_at, journey.verdict = time.time(), verdict
        self.journal.settled([journey])

    def _release(self, server: Server) -> None:
        waiting, self._waiting[server] = self._waiting[server], []
        self.journal.lag = len(self._waiting[Server.STRAPI]) if self.journal.lag >= 0 else -1
        for journey in waiting:
            self._pass(server, journey)

    def _pause(self, server: Server) -> Future[None]:
        self._paused.add(server)
        self.journal.connection(server, State.PAUSED)
        return _done(None)

    def _resume(self, server: Server) -> Future[None]:
        self._paused.discard(server)
        self.journal.connection(server, State.UP)
        self._release(server)
        return _done(None)

    def _between(self, least: float, most: float) -> float:
        return self._chance.uniform(least, most)

    @staticmethod
    def _later(seconds: float, act: Callable[..., None], *arguments: object) -> None:
        asyncio.get_running_loop().call_later(seconds, act, *arguments)


def _done(value: Result) -> Future[Result]:
    answer: Future[Result] = Future()
    answer.set_result(value)
    return answer
