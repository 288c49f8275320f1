"""A stranger in the network, where `--lan` opens the page and MQTT over websockets, and nothing else."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from bridge.http.own_address import own_address
from tests.faults.attacks.attack import Outcome, attack, impossible, judged
from tests.faults.attacks.mqtt import guesses, queue_and_steal
from tests.faults.attacks.pages import EVIL_HOSTS, ask, by_foreign_host, tally
from tests.faults.attacks.target import listening
from tests.faults.attacks.websockets import FOREIGN, enter
from tests.faults.attacks.wire import Door

if TYPE_CHECKING:
    from tests.faults.attacks.target import Target

_LAN: Final = ("lan",)

_NO_NETWORK: Final = impossible("this machine has no address in a network")

_NAMES: Final = tuple(host for host in EVIL_HOSTS if host != "169.254.169.254")
"""An address is no name that could lead here by now, and the page answers to all."""

_REBOUND: Final = (
    ("http://evil.example:{port}", "evil.example:{port}"),
    ("http://evil.example:{port}", None),
    (None, "evil.example:{port}"),
)
"""Origin and Host of a page whose name resolves to this machine's address by now; None for what it really is."""


def _page(target: Target) -> Door:
    return Door(target.stack.ports.web, websockets=False, tls=None, host=own_address())


def _websockets(target: Target) -> Door:
    return Door(target.stack.ports.mqtt_ws, websockets=True, tls=None, host=own_address())


@attack(
    "lan-listeners",
    "new",
    "From this machine's address in the network, connect to every port that the servers, the engine and the served "
    "screen listen on",
    "the page and MQTT over websockets answer, and nothing else",
    profiles=_LAN,
    seconds=240,
)
async def listeners(target: Target) -> Outcome:
    if not (address := own_address()):
        return _NO_NETWORK
    await target.start_engine()
    await target.start_screen()
    ports = sorted({port for _, port in listening(target.processes())})
    wanted = {target.stack.ports.web: "the page", target.stack.ports.mqtt_ws: "MQTT over websockets"}
    assert {*wanted, target.stack.ports.strapi, target.stack.ports.kafka, target.metrics_port} <= {*ports}
    opened = [port for port in ports if await _answers(address, port)]
    breaches = [f"port {port} of {target.stack.ports} answers at {address}" for port in opened if port not in wanted]
    breaches += [f"{name} does not answer" for port, name in wanted.items() if port not in opened]
    return judged(breaches, f"{len(ports)} ports, {len(opened)} answer: {' and '.join(wanted.values())}")


@attack(
    "lan-foreign-host",
    "new",
    "From the network, read the page's settings and products by a name that resolves to this machine (DNS rebinding)",
    "no 2xx for a public name, and 200 by the address",
    profiles=_LAN,
)
async def foreign_host(target: Target) -> Outcome:
    if not own_address():
        return _NO_NETWORK
    page = _page(target)
    breaches, seen = await by_foreign_host(page, ("/", "/config.json", "/products"), hosts=_NAMES)
    own = await ask(page, "/config.json")
    if " 200 " not in own.partition("\r\n")[0]:
        breaches.append(f"by its address: {own.partition(chr(13))[0]}")
    return judged(breaches, f"{tally(seen)}; by its address 200")


@attack(
    "lan-foreign-origin",
    "new",
    "A page of another site, in a browser in the network, opens a websocket to the broker and publishes a movement; "
    "also one whose name resolves to this machine by now",
    "no handshake; the page that `--lan` opens publishes",
    profiles=_LAN,
)
async def foreign_origin(target: Target) -> Outcome:
    if not own_address():
        return _NO_NETWORK
    door = _websockets(target)
    page = f"http://{door.host}:{target.stack.ports.web}"
    product = (await target.make_product(5))["id"]
    breaches, seen = [], []
    for origin, host in (*FOREIGN, *_REBOUND):
        named = page if origin is None else origin.format(port=target.stack.ports.web)
        word = await enter(target, door, named, host and host.format(port=door.port), product)
        seen.append(word)
        if word == "published" or "websocket" in word or word.startswith("connected"):
            breaches.append(f"{named} with Host {host or 'its own'}: {word}")
    own = await enter(target, door, page, None, product)
    if own != "published":
        breaches.append(f"the page itself: {own}")
    return judged(breaches, f"{tally(seen)}; the page itself: {own}")


@attack(
    "lan-secrets",
    "new",
    "From the network, read all that the page serves, and look for passwords, tokens and keys",
    "none of the chain's secrets is in any answer",
    profiles=_LAN,
)
async def secrets(target: Target) -> Outcome:
    if not own_address():
        return _NO_NETWORK
    page, breaches, size = _page(target), [], 0
    paths = ("/", "/config.json", "/products", "/live.html", "/app.js", "/live.js", "/nothing")
    known = target.secrets()
    for path in paths:
        answer = await ask(page, path)
        size += len(answer)
        breaches += [f"{path} has {name}" for name, value in known.items() if value in answer]
    assert known
    return judged(breaches, f"{len(paths)} answers of {size:,} characters, none of {len(known)} secrets")


@attack(
    "lan-session-takeover",
    "new",
    "A program in the network connects to the broker under client ids that it guesses, while messages wait for the "
    "engine",
    "none of the messages is taken, and the stock is exact afterwards",
    profiles=_LAN,
    seconds=400,
)
async def session_takeover(target: Target) -> Outcome:
    if not own_address():
        return _NO_NETWORK
    return await queue_and_steal(target, guesses(), [_websockets(target)])


async def _answers(address: str, port: int) -> bool:
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(address, port), 5)
    except (OSError, TimeoutError):
        return False
    writer.transport.abort()
    return True
