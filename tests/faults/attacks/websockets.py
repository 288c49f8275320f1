"""MQTT over websockets, opened by a foreign page in the browser of a user who runs the chain."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from typing import TYPE_CHECKING, Final

from tests.faults.attacks.attack import Outcome, attack, judged
from tests.faults.attacks.wire import Client, Door, HandshakeRefusedError

if TYPE_CHECKING:
    from tests.faults.attacks.target import Target

__all__ = ["FOREIGN", "enter"]

FOREIGN: Final = (
    ("https://evil.example", None),
    ("http://evil.example", None),
    ("null", None),
    ("file://", None),
    ("http://127.0.0.1.evil.example", None),
    ("http://evil-localhost:8000", None),
    ("http://localhost.evil.example:8000", None),
    ("chrome-extension://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", None),
)
_REBOUND: Final = (
    ("http://evil.example:{port}", "evil.example:{port}"),
    ("http://evil.example:{port}", "127.0.0.1:{port}"),
    ("http://127.0.0.1:{port}", "evil.example:{port}"),
)
"""Origin and Host of a page whose name resolves to 127.0.0.1 by now."""


async def enter(target: Target, door: Door, origin: str | None, host: str | None, product: int) -> str:
    """Publish a movement as a page with such headers would; return how far it came."""
    movement = b'{"id":%d,"amount":1000,"type":"IN"}' % product
    try:
        async with Client(door, f"page-{secrets.token_hex(4)}", origin=origin, host=host) as client:
            if client.reason != 0:
                return f"a websocket, but CONNECT is refused ({client.reason})"
            code = await client.publish("topic", movement)
            return "published" if 0 <= code < 128 else f"connected, but PUBLISH is refused ({code})"
    except HandshakeRefusedError as error:
        return str(error)
    except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
        return type(error).__name__


async def _pages(target: Target, pairs: tuple[tuple[str, str | None], ...]) -> Outcome:
    product = (await target.make_product(5))["id"]
    doors = [door for door in await target.doors() if door.websockets]
    assert doors, "no listener speaks MQTT over websockets"
    breaches, seen = [], []
    for door in doors:
        for origin, host in pairs:
            named = origin.format(port=door.port)
            shown = host.format(port=door.port) if host else None
            word = await enter(target, door, named, shown, product)
            seen.append(word)
            if word == "published" or word.startswith("connected"):
                breaches.append(f"{named}{f' with Host {shown}' if shown else ''} at {door}: {word}")
    own = await enter(target, doors[0], target.stack.addresses.web, None, 0)
    words = ", ".join(f"{seen.count(word)} x {word}" for word in dict.fromkeys(seen))
    if breaches:
        breaches = [f"{len(breaches)} of {len(seen)} handshakes, as {breaches[0]}"]
    return judged(breaches, f"{len(doors)} listeners: {words}; the page's own origin: {own}")


@attack(
    "ws-foreign-origin",
    "3",
    "A page of another site (`Origin: https://evil.example`, `null` and six more) opens a websocket to every listener "
    "that speaks MQTT and publishes a movement",
    "no handshake, or no MQTT connection without a password",
    quick=True,
)
async def foreign_origin(target: Target) -> Outcome:
    return await _pages(target, FOREIGN)


@attack(
    "ws-rebinding",
    "3",
    "The same from a page whose own name resolves to 127.0.0.1 (DNS rebinding): its Host and its Origin agree",
    "no handshake, or no MQTT connection without a password",
    quick=True,
)
async def rebinding(target: Target) -> Outcome:
    return await _pages(target, _REBOUND)


@attack(
    "ws-session-takeover",
    "3",
    "A page of another site connects under the engine's client id, or one that it guesses, and so takes its session",
    "no such page gets an MQTT connection",
    quick=True,
)
async def session_takeover(target: Target) -> Outcome:
    breaches, tried = [], 0
    doors = [door for door in await target.doors() if door.websockets]
    for door in doors:
        for client_id in ("opsci-bridge", "engine", "opsci"):
            tried += 1
            with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
                # The session is left as it is: clean would throw away what another test's engine waits for.
                async with Client(door, client_id, clean=False, origin="https://evil.example") as client:
                    if client.reason == 0:
                        breaches.append(f"connected as {client_id} at {door}")
    return judged(breaches, f"{tried} tries at {len(doors)} listeners, none connected")
