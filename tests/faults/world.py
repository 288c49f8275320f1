"""Everything that a fault can act upon: the servers, their proxies, the engines and the publishers."""

from __future__ import annotations

import asyncio
import signal
import time
import tomllib
import uuid
from typing import TYPE_CHECKING, Any, Final

import httpx

from bridge.settings.load import load_settings
from stack.errors import StackError
from stack.local import LocalStack
from stack.ports import random_ports
from stack.servers.server import BROKERS
from tests.chain.drafts import DraftStack, Panel
from tests.faults.database import Sqlite
from tests.faults.engine import Engine, settings_of
from tests.faults.keeping import KeepingPublisher, keeping_settings
from tests.faults.proxy import Proxy, Tls
from tests.faults.publishers import Line, Publisher
from tests.faults.register import Register
from tests.faults.traffic import Traffic
from tests.faults.twins import TwinStack
from tests.faults.witness import Witness

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tests.faults.database import Database
    from tests.faults.register import Sent

__all__ = ["BATCH", "PRODUCTS", "World"]

PRODUCTS: Final = 12
_ALIKE: Final = 4
_STOCK: Final = 1_000_000
AUTOSAVE: Final = 2.0
BATCH: Final = b"POST /api/stock-movements/batch"
_LOOK: Final = 0.05


class World:
    """One run's servers, network, engines and publishers.

    Args:
        stack: the servers, running.
        mode: the engine's `strapi.mode`.
        transport: how the engine reaches the broker, `tcp` or `websockets`.
        named: whether some publishers send movement-ids.
        database: Strapi's database; its SQLite file by default.
        engines: number of engines that share the work, by one subscription and in one group.
    """

    def __init__(  # noqa: PLR0915 - it has much to know
        self,
        stack: LocalStack,
        mode: str,
        transport: str,
        *,
        named: bool = True,
        database: Database | None = None,
        engines: int = 1,
    ) -> None:
        self.stack = stack
        self.mode = mode
        self.transport = transport
        self.named = named
        self.is_secure = stack.paths.is_secure
        self.kafka_options: dict[str, Any] = stack.credentials.kafka_options("admin") if self.is_secure else {}
        """Who reads Kafka at the end, as aiokafka's clients take it."""
        self.trust = stack.credentials.trust() if self.is_secure else None
        """What believes the servers' certificates; None where they speak in clear."""
        self.register = Register(f"f{uuid.uuid4().hex[:8]}")
        self._database = database or Sqlite(stack.paths.state / "strapi" / "data.db")
        self.witness = Witness(AUTOSAVE, websockets=transport == "websockets")
        self.brokers = BROKERS[: stack.paths.brokers]
        """The names of Kafka's brokers."""
        self.strapis = {"strapi": stack.ports.strapi, **(stack.twins if isinstance(stack, TwinStack) else {})}
        """The Strapis behind one address, and the port of each."""
        self.servers = ("websockets", "mosquitto", *self.brokers, *self.strapis)
        """The names of all servers."""
        self.proxies = self._make_proxies()
        self._count = engines
        self.engines: list[Engine] = []
        """Those that share the work."""
        self.second: Engine
        """Only applies."""
        self.rival: Engine
        """Ingests and applies under a client id of its own."""
        self.screens: list[Engine] = []
        """They watch beside the engine, under whose client id they can take over."""
        self.watchers: list[Engine] = []
        """`opsci-bridge watch`."""
        self.traffic: Traffic
        self.prober: Publisher
        self.products: list[int] = []
        self.alike: list[int] = []
        """What only movements move that nothing tells apart."""
        self._foreign: LocalStack | None = None
        self.probed = 0
        self.passed_over = 0
        """How many offsets of the topic of movements have markers of transactions, or what these took back."""
        self.documents: dict[str, int] = {}
        """The rows' numbers, as they were at first, by documentId."""
        self.panel = Panel(stack) if isinstance(stack, DraftStack) else None
        """A person in Strapi's admin panel, where there are drafts to edit."""
        self.edits = 0
        """How many times that person edited a product, from opening its form to publishing it."""
        self.begun = time.time()
        self.removed: list[Any] = []
        """Records of the topic of movements that a fault had Kafka delete."""
        self.told_deleted: list[Any] = []
        """Those of them that were not applied, once the engine said how many these are."""
        self.removed_until: dict[int, set[int]] = {}
        """By partition, the offsets before which they were deleted."""
        self._untold: list[Any] = []
        self._waiting_for: dict[bytes, asyncio.Event] = {}

    @property
    def engine(self) -> Engine:
        """The first of the engines that share the work, or the only one."""
        return self.engines[0]

    def _make_proxies(self) -> dict[str, Proxy]:
        ports = self.stack.ports
        to_mosquitto = ports.mqtt_ws if self.transport == "websockets" else ports.mqtt_tcp
        labels: dict[int, int] = {}
        return {
            "mosquitto": Proxy(to_mosquitto, self.witness.connection, tls=self._tls("mosquitto")),
            **{
                name: Proxy(port, relabel=labels, tls=self._tls("kafka"))
                for name, (port, _) in zip(self.brokers, ports.of_brokers(len(self.brokers)), strict=True)
            },
            "strapi": Proxy([*self.strapis.values()], lambda: _Hearing(self._heard), tls=self._tls("strapi")),
            "objects": Proxy(ports.mqtt_tcp),
            "websockets": Proxy(ports.mqtt_ws),
        }

    async def start(self, rate: float) -> None:
        """Create the products, start the engine, and the publishers once the whole chain works."""
        for proxy in self.proxies.values():
            await proxy.start()
        self.products = [await self._make_product(number) for number in range(PRODUCTS)]
        self.alike = [await self._make_product(PRODUCTS + number) for number in range(_ALIKE)]
        self.probed = await self._make_product(PRODUCTS + _ALIKE)
        self.engines = [self._engine("engine"), *(self._peer(number) for number in range(2, self._count + 1))]
        self.second = self._engine("second", "--only", "apply")
        self.rival = self._engine("rival", "--set", f"mqtt.client_id=rival-{uuid.uuid4().hex}")
        self.screens = [self._screen(number) for number in (1, 2)]
        self.watchers = [self._engine(f"watcher-{number}", program=("bridge", "watch")) for number in (1, 2, 3)]
        for engine in self.engines:
            await engine.start()
        # Until the engine has subscribed for the first time, the broker throws away what comes.
        async with asyncio.timeout(180):
            while not all(b"mqtt: connected" in engine.log.read_bytes() for engine in self.engines):  # noqa: ASYNC110
                await asyncio.sleep(_LOOK)
        lines = [
            Line("tcp", self.proxies["objects"].port, self.trust, self.login),
            Line("websockets", self.proxies["websockets"].port, self.trust, self.login),
        ]
        self.prober = Publisher(lines[0])
        await self.probe(180)
        # Only a ledger makes it harmless to send again what may have arrived.
        keeper = self._keeper if self.mode == "ledger" else Publisher
        self.traffic = Traffic(self.register, self.products, self.alike, lines, rate, named=self.named, keeper=keeper)
        self.traffic.start()

    async def stop(self) -> None:
        """Stop the engines and the proxies."""
        for part in (getattr(self, name, None) for name in ("traffic", "prober")):
            if part is not None:
                part.abandon()
                await part.close()
        for engine in (*self.engines, *(getattr(self, name, None) for name in ("second", "rival")), *self.beside):
            if engine is not None:
                await engine.stop()
        for proxy in self.proxies.values():
            await proxy.stop()
        if self.panel is not None:
            await self.panel.http.aclose()
        if self._foreign is not None:
            await asyncio.to_thread(self._foreign.stop)

    async def foreign_kafka(self) -> LocalStack:
        """Return a foreign Kafka with topics of the same names, started on first use."""
        if self._foreign is None:
            state = self.stack.paths.state / "foreign"
            foreign = LocalStack(state, cache=self.stack.paths.cache, ports=random_ports(), servers=("kafka",))
            await asyncio.to_thread(foreign.start)
            self._foreign = foreign
        return self._foreign

    async def make_whole(self) -> None:
        """Restore the network, and make every server and the engine run, whatever a fault left undone.

        Raises:
            StackError: a server does not start in three attempts.
        """
        for proxy in self.proxies.values():
            await proxy.mend()
        for other in (self.second, self.rival, *self.beside):
            await other.kill()
        for server in self.servers:
            self.stack.resume_server(server)
        await self.start_server(*self.brokers)
        for server in self.servers:
            await self.start_server(server)
        for engine in self.engines:
            engine.send(signal.SIGCONT)
            if not engine.is_wanted:
                await engine.start()

    @property
    def beside(self) -> list[Engine]:
        """What watches beside the engines."""
        return [*self.screens, *self.watchers]

    async def start_server(self, *servers: str) -> None:
        """Start stopped servers, again if a busy machine took too long.

        Raises:
            StackError: it does not start in three attempts.
        """
        for last in (False, False, True):
            try:
                await asyncio.to_thread(self.stack.start_server, *servers)
            except StackError:
                if last:
                    raise
            else:
                return

    def since(self, at: float) -> str:
        """Format a time, in seconds since the epoch, relative to the run's start, like the faults' times."""
        return f"{at - self.begun:.3f} s" if at else "no time"

    async def probe(self, seconds: float) -> float:
        """Publish a movement and wait until the stock has it.

        Args:
            seconds: to wait at most.

        Returns:
            The seconds that it took.

        Raises:
            TimeoutError: it was not applied in time.
        """
        begun = time.monotonic()
        expected = self.shown()[self.probed] + 1
        async with asyncio.timeout(seconds):
            while True:
                sent = self.register.enter(self.probed, 1, named=self.named)
                sending = await self.prober.start(sent)
                while not sending.done() or sent.acknowledged_at:
                    if self.shown()[self.probed] >= expected:
                        return time.monotonic() - begun
                    await asyncio.sleep(_LOOK)

    def shown(self) -> dict[int, int]:
        """Return the change of each product's stock since the start, from Strapi's database.

        For a product with several rows it is that of the latest published one, else of its draft.
        """
        rows = self.rows("SELECT document_id, stock_available FROM products ORDER BY published_at IS NOT NULL, id")
        return {self.documents[document]: stock - _STOCK for document, stock in rows if document in self.documents}

    def apart(self) -> list[int]:
        """Return the products whose rows differ in their stock."""
        rows = self.rows("SELECT document_id FROM products GROUP BY 1 HAVING COUNT(DISTINCT stock_available) > 1")
        return sorted(self.documents[document] for (document,) in rows if document in self.documents)

    def rows(self, query: str) -> list[Any]:
        """Query Strapi's database directly."""
        return self._database.rows(query)

    async def heard(self, text: bytes, seconds: float) -> bool:
        """Wait until the engine sends a text to Strapi.

        Returns:
            Whether it did in time.
        """
        event = self._waiting_for.setdefault(text, asyncio.Event())
        try:
            await asyncio.wait_for(event.wait(), seconds)
        except TimeoutError:
            return False
        finally:
            self._waiting_for.pop(text, None)
        return True

    def deleted(self, records: Iterable[Any], unapplied: Iterable[Any], until: Mapping[int, int]) -> None:
        """Note that Kafka deleted records, by partition before an offset, some of which the group had not committed."""
        self.removed += records
        for partition, offset in until.items():
            self.removed_until.setdefault(partition, set()).add(offset)
        self._untold = [*unapplied]

    def deletion_told(self) -> None:
        """Note that the engine reported how many it lost by that."""
        self.told_deleted += self._untold
        self._untold = []

    def note(self, sent: Sent, payload: bytes) -> Any:
        """Send something other than a plain movement."""
        return self.prober.start(sent, payload)

    @property
    def login(self) -> tuple[str, str] | None:
        """Return the user and the password of an object, if the broker requires them."""
        if not self.is_secure:
            return None
        return "object", self.stack.credentials.password_file("mqtt-object").read_text().strip()

    def _tls(self, server: str) -> Tls | None:
        if not self.is_secure:
            return None
        folder = self.stack.credentials.certificates
        return Tls(folder / f"{server}.pem", folder / f"{server}.key", self.stack.credentials.authority)

    def _heard(self, data: bytes) -> None:
        for text, event in self._waiting_for.items():
            if text in data:
                event.set()

    def _keeper(self, line: Line) -> Publisher:
        s = "s" if self.is_secure else ""
        settings = keeping_settings(
            load_settings(self.stack.settings_file, {}),
            mqtt=f"{'ws' if line.transport == 'websockets' else 'mqtt'}{s}://127.0.0.1:{line.port}",
            kafka=[self.proxies[name].port for name in self.brokers],
            strapi=f"http{s}://127.0.0.1:{self.proxies['strapi'].port}",
            outbox=self.stack.paths.state / "kept" / line.transport,
        )
        return KeepingPublisher(line, settings)

    def _engine(
        self, name: str, *arguments: str, program: Sequence[str] = ("bridge", "run"), outbox: str = ""
    ) -> Engine:
        s = "s" if self.is_secure else ""
        settings = settings_of(
            tomllib.loads(self.stack.settings_file.read_text()),
            mqtt=f"{'ws' if self.transport == 'websockets' else 'mqtt'}{s}://127.0.0.1:{self.proxies['mosquitto'].port}",
            kafka=[self.proxies[name].port for name in self.brokers],
            strapi=f"http{s}://127.0.0.1:{self.proxies['strapi'].port}",
            mode=self.mode,
            shared=self._count > 1,
        )
        if outbox:
            settings["mqtt"]["outbox"] = outbox
        return Engine(name, self.stack.paths.state, settings, *arguments, program=program)

    def _screen(self, number: int) -> Engine:
        outbox = str(self.stack.paths.state / "kept" / f"screen-{number}")
        return self._engine(f"screen-{number}", program=("tests.faults.screen",), outbox=outbox)

    def _peer(self, number: int) -> Engine:
        """Create another engine that shares the work, with its own client id."""
        return self._engine(f"engine-{number}", "--set", f"mqtt.client_id=peer-{uuid.uuid4().hex}")

    async def _make_product(self, number: int) -> int:
        data = {"name": f"{self.register.run} {number}", "stock_available": _STOCK}
        headers = {"Authorization": f"Bearer {self.stack.bridge_token}"}
        verify = self.trust or True
        address = self.stack.addresses.strapi
        async with httpx.AsyncClient(base_url=address, headers=headers, verify=verify, timeout=30) as client:
            answer = await client.post("/api/products", json={"data": data})
            made = answer.raise_for_status().json()["data"]
            row: int = made["id"]
            self.documents[made["documentId"]] = row
            if self.panel is not None:
                query = {"status": "draft"}
                drawn = await client.get(f"/api/products/{made['documentId']}", params=query)
                # That row is the published one, which no PUT leaves in its place.
                self.register.names[row] = [row, drawn.raise_for_status().json()["data"]["id"], made["documentId"]]
        return row


class _Hearing:
    """Observes what the engine sends to Strapi.

    Args:
        heard: called with the data.
    """

    def __init__(self, heard: Callable[[bytes], None]) -> None:
        self.up = heard

    def down(self, data: bytes) -> None:
        """Ignore what Strapi sends."""
