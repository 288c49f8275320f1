"""A relay between websockets and the broker's MQTT over TCP, which leaves the bytes unchanged.

The broker itself then has no websockets, so that no page can bypass the check of its origin: a browser can't use MQTT
without a websocket, and Mosquitto closes a connection that begins with HTTP. MQTT does not depend on frame boundaries
(MQTT 5 section 6).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import resource
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from aiohttp import WSCloseCode, WSMsgType, web

from bridge.http.guard import SAFE_HEADERS, host_name

if TYPE_CHECKING:
    import ssl

    from bridge.http.guard import HostRule
    from stack.websockets.origin import OriginRule

__all__ = ["Relay", "serve"]

_log = logging.getLogger(__name__)

_PROTOCOLS: Final = ("mqtt", "mqttv3.1")
_LARGEST: Final = 2_000_000
"""The most bytes of one websocket message, which is buffered: Mosquitto accepts packets of 1,000,000 with our settings.
"""

_READ: Final = 65_536
_PATIENCE: Final = 10.0
"""Seconds for the broker to accept a connection, and for a closing handshake."""

_SPARE: Final = 64
_MOST: Final = 4_000
"""The most connections; each takes two file descriptors."""


@dataclass
class Relay:
    """Connects websockets with a broker.

    Attributes:
        broker: the broker's host and port.
        trust: trusts its certificate, for TLS; else None.
        origins: the allowed pages.
        names: the host names that requests may use.
        most: the most connections.
    """

    broker: tuple[str, int]
    origins: OriginRule
    names: HostRule
    trust: ssl.SSLContext | None = None
    most: int = _MOST
    _open: set[web.WebSocketResponse] = field(default_factory=set, init=False)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one request: a websocket until it ends, or a refusal with its reason."""
        host = request.headers.get("Host", "")
        if not self.names.allows(host):
            return _refusal(403, "ask for this server by one of its names: localhost, 127.0.0.1 or one that was named")
        origins = request.headers.getall("Origin", [])
        if not self.origins.allows(origins, (host_name(host) or "").strip("[]")):
            _log.warning("refused a page of %.200r", " ".join(origins))
            return _refusal(403, "pages of this origin may not use this broker; run with --origin ORIGIN to allow them")
        offered = [one.strip() for one in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
        if request.headers.get("Upgrade", "").lower() != "websocket" or not set(offered) & set(_PROTOCOLS):
            return _refusal(426, "this is MQTT over websockets, subprotocol mqtt")
        if len(self._open) >= self.most:
            return _refusal(503, f"{self.most} connections are open")
        try:
            async with asyncio.timeout(_PATIENCE):
                reader, writer = await asyncio.open_connection(*self.broker, ssl=self.trust)
        except (OSError, TimeoutError) as error:
            return _refusal(502, f"the broker does not answer: {type(error).__name__}")
        websocket = web.WebSocketResponse(
            protocols=_PROTOCOLS, max_msg_size=_LARGEST, compress=False, timeout=_PATIENCE, autoclose=True
        )
        self._open.add(websocket)
        try:
            await websocket.prepare(request)
            await _relay(websocket, reader, writer)
        finally:
            self._open.discard(websocket)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        return websocket

    async def close(self) -> None:
        closing = (one.close(code=WSCloseCode.GOING_AWAY) for one in list(self._open))
        await asyncio.gather(*closing, return_exceptions=True)


async def serve(relay: Relay, host: str, port: int, *, tls: ssl.SSLContext | None, until: asyncio.Event) -> None:
    """Serve until told to stop.

    Args:
        relay: answers the requests.
        host: the address to listen on.
        port: the port.
        tls: for serving TLS.
        until: set to stop.

    Raises:
        OSError: it can't listen there.
    """
    relay.most = min(relay.most, (_file_descriptors() - _SPARE) // 2)
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", relay.answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, ssl_context=tls).start()
        await until.wait()
        await relay.close()
    finally:
        await runner.cleanup()


async def _relay(websocket: web.WebSocketResponse, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy bytes both ways until one side ends; each way waits while the other side accepts no more."""
    ways = {
        asyncio.create_task(_to_broker(websocket, writer)),
        asyncio.create_task(_to_client(reader, websocket)),
    }
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        with contextlib.suppress(OSError, RuntimeError):
            await websocket.close()


async def _to_broker(websocket: web.WebSocketResponse, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        async for message in websocket:
            if message.type is not WSMsgType.BINARY:
                # MQTT 5 section 6: anything but a binary frame ends the connection.
                await websocket.close(code=WSCloseCode.UNSUPPORTED_DATA)
                return
            writer.write(message.data)
            await writer.drain()


async def _to_client(reader: asyncio.StreamReader, websocket: web.WebSocketResponse) -> None:
    with contextlib.suppress(OSError, RuntimeError):
        while data := await reader.read(_READ):
            await websocket.send_bytes(data)


def _refusal(status: int, why: str) -> web.Response:
    headers = {**SAFE_HEADERS, "Connection": "close"}
    if status == 426:
        headers["Upgrade"] = "websocket"
    return web.Response(status=status, text=f"{why}\n", headers=headers)


def _file_descriptors() -> int:
    """Raise this process's limit of open files as far as needed and allowed, and return it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = min(hard, 2 * _MOST + _SPARE) if hard != resource.RLIM_INFINITY else 2 * _MOST + _SPARE
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return most
