"""Everything that a fault can act upon: the servers, the proxies before them, the engines and the publishers."""

from __future__ import annotations

import asyncio
import sqlite3
import time
import uuid
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

import httpx

from tests.faults.engine import Engine, settings_of
from tests.faults.proxy import Proxy
from tests.faults.publishers import Line, Publisher
from tests.faults.register import Register
from tests.faults.traffic import Traffic
from tests.faults.witness import Witness

if TYPE_CHECKING:
    from collections.abc import Callable

    from stack.local import LocalStack
    from tests.faults.register import Sent

__all__ = ["BATCH", "PRODUCTS", "World"]

PRODUCTS: Final = 12
_STOCK: Final = 1_000_000
AUTOSAVE: Final = 10.0
BATCH: Final = b"POST /api/stock-movements/batch"
_LOOK: Final = 0.05


class World:
    """One run's servers, network, engines and publishers.

    Args:
        stack: the servers, running.
        mode: the engine's `strapi.mode`.
        transport: how the engine reaches the broker, `tcp` or `websockets`.
    """

    def __init__(self, stack: LocalStack, mode: str, transport: str) -> None:
        self.stack = stack
        self.mode = mode
        self.transport = transport
        self.register = Register(f"f{uuid.uuid4().hex[:8]}")
        websockets = transport == "websockets"
        self.witness = Witness(AUTOSAVE, websockets=websockets)
        ports = stack.ports
        self.proxies = {
            "mosquitto": Proxy(ports.mqtt_ws if websockets else ports.mqtt_tcp, self.witness.connection),
            "kafka": Proxy(ports.kafka, relabel=True),
            "strapi": Proxy(ports.strapi, lambda: _Hearing(self._heard)),
            "objects": Proxy(ports.mqtt_tcp),
            "websockets": Proxy(ports.mqtt_ws),
        }
        self.engine: Engine
        self.second: Engine
        self.traffic: Traffic
        self.prober: Publisher
        self.products: list[int] = []
        self.probed = 0
        self.begun = time.time()
        self._waiting_for: dict[bytes, asyncio.Event] = {}

    async def start(self, rate: float) -> None:
        """Make the products, start the engine, and the publishers once the whole chain works."""
        for proxy in self.proxies.values():
            await proxy.start()
        self.products = [await self._make_product(number) for number in range(PRODUCTS + 1)]
        self.probed = self.products.pop()
        self.engine = self._engine("engine")
        self.second = self._engine("second", "--only", "apply")
        await self.engine.start()
        # Until the engine has subscribed for the first time, the broker throws away what comes.
        async with asyncio.timeout(60):
            while b"mqtt: connected" not in self.engine.log.read_bytes():  # noqa: ASYNC110 - a file
                await asyncio.sleep(_LOOK)
        self.prober = Publisher(Line("tcp", self.proxies["objects"].port))
        await self.probe(60)
        lines = [Line("tcp", self.proxies["objects"].port), Line("websockets", self.proxies["websockets"].port)]
        self.traffic = Traffic(self.register, self.products, lines, rate, named=self.mode == "ledger")
        self.traffic.start()

    async def stop(self) -> None:
        """Stop the engines and the proxies."""
        for part in (getattr(self, name, None) for name in ("traffic", "prober")):
            if part is not None:
                part.abandon()
                await part.close()
        for engine in (getattr(self, name, None) for name in ("engine", "second")):
            if engine is not None:
                await engine.stop()
        for proxy in self.proxies.values():
            await proxy.stop()

    def since(self, at: float) -> str:
        """A moment, in seconds since the epoch, as one of this run; the faults' times are of the same clock."""
        return f"{at - self.begun:.3f} s" if at else "no time"

    async def probe(self, seconds: float) -> float:
        """Publish a movement and wait until the stock has it.

        Args:
            seconds: to wait at most.

        Returns:
            How many seconds it took.

        Raises:
            TimeoutError: it was not applied in time.
        """
        begun = time.monotonic()
        expected = self.shown()[self.probed] + 1
        async with asyncio.timeout(seconds):
            while True:
                sent = self.register.enter(self.probed, 1, named=self.mode == "ledger")
                sending = await self.prober.start(sent)
                while not sending.done() or sent.acknowledged_at:
                    if self.shown()[self.probed] >= expected:
                        return time.monotonic() - begun
                    await asyncio.sleep(_LOOK)

    def shown(self) -> dict[int, int]:
        """By product, how much its stock is above that of the start, as Strapi's database has it."""
        rows = self.rows("SELECT id, stock_available FROM products")
        return {row: stock - _STOCK for row, stock in rows if row in {*self.products, self.probed}}

    def rows(self, query: str) -> list[Any]:
        """Ask Strapi's database, past all faults."""
        file = self.stack.places.state / "strapi" / "data.db"
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=20)) as database:
            return database.execute(query).fetchall()

    async def heard(self, text: bytes, seconds: float) -> bool:
        """Wait until the engine says something to Strapi.

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

    def note(self, sent: Sent, payload: bytes) -> Any:
        """Send something that is no plain movement."""
        return self.prober.start(sent, payload)

    def _heard(self, data: bytes) -> None:
        for text, event in self._waiting_for.items():
            if text in data:
                event.set()

    def _engine(self, name: str, *arguments: str) -> Engine:
        settings = settings_of(
            mqtt=f"{'ws' if self.transport == 'websockets' else 'mqtt'}://127.0.0.1:{self.proxies['mosquitto'].port}",
            kafka=self.proxies["kafka"].port,
            strapi=self.proxies["strapi"].port,
            token=self.stack.bridge_token,
            mode=self.mode,
            client_id=f"opsci-{name}",
        )
        return Engine(name, self.stack.places.state, settings, *arguments)

    async def _make_product(self, number: int) -> int:
        data = {"name": f"{self.register.run} {number}", "stock_available": _STOCK}
        headers = {"Authorization": f"Bearer {self.stack.bridge_token}"}
        async with httpx.AsyncClient(base_url=self.stack.addresses.strapi, headers=headers) as client:
            answer = await client.post("/api/products", json={"data": data})
        answer.raise_for_status()
        row: int = answer.json()["data"]["id"]
        return row


class _Hearing:
    """Hears what the engine says to Strapi.

    Args:
        heard: called with it.
    """

    def __init__(self, heard: Callable[[bytes], None]) -> None:
        self.up = heard

    def down(self, data: bytes) -> None:
        """What Strapi says does not matter."""
