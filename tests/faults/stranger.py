"""A stranger at the broker who connects under guessed client ids, and so takes over or ends their sessions."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.faults.attacks.mqtt import guesses
from tests.faults.attacks.wire import Client, Door, Login
from tests.faults.fault import Fault

if TYPE_CHECKING:
    from tests.faults.world import World

__all__ = ["SessionTakeover"]


@dataclass(frozen=True)
class SessionTakeover(Fault):
    """The engine is away for `seconds` while each guess is tried, and each is tried again when it is back."""

    @property
    def text(self) -> str:
        return (
            f"a stranger connects under {len(guesses())} guessed client ids, the engine away for {self.seconds:.0f} s"
        )

    @property
    def touches(self) -> frozenset[str]:
        return frozenset({"engine", "mosquitto"})

    async def strike(self, world: World) -> None:
        await world.engine.kill()
        await asyncio.gather(self._guess(world), asyncio.sleep(self.seconds))
        await world.engine.start()
        await self._guess(world)

    async def _guess(self, world: World) -> None:
        login = Login(*(("object", *world.login) if world.login else ("anonymous",)))
        door = Door(world.stack.ports.mqtt_tcp, websockets=False, tls=world.trust)
        for client_id in guesses():
            # To end a session takes one flag; to keep a stranger's own one would leave it at the broker for good.
            with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
                async with Client(door, client_id, login, clean=True):
                    pass
