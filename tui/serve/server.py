"""Serves the screen on loopback by textual-serve: a process of its own for each window."""

from __future__ import annotations

import asyncio
import logging
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Final

from aiohttp import WSMsgType, web
from textual_serve.app_service import AppService
from textual_serve.server import Server

from bridge.errors import OpsciError
from bridge.http.guard import SAFE_HEADERS, HostRule, is_foreign
from tui.language import say
from tui.serve.messages import BadMessageError, Blur, Focus, Keys, Ping, Resize, Size, asked_size, read_message

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiohttp.typedefs import Handler
    from aiohttp.web_protocol import RequestHandler

    from tui.serve.messages import Message

__all__ = ["HOST", "WINDOWS", "ScreenServer", "ServeError", "SlowConnections"]


_LOOK: Final = 1.0
"""Seconds between two looks at who is slow."""

HOST: Final = "127.0.0.1"
"""Where it listens, and nowhere else: it asks for no password."""

WINDOWS: Final = 32
"""How many there may be at a time unless another number is said: a class. Each is a process of its own."""

_MOST_MESSAGE: Final = 1_048_576
"""Bytes that a message of a page may have: what is pasted comes as one."""

_UNACCEPTABLE: Final = 1008
"""The code (RFC 6455, section 7.4.1) that a connection is closed with whose page says what no page of ours says."""

# The terminal of the page writes its own style elements, as what it shows is painted by style.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; img-src 'self' data:; "
    "connect-src 'self' ws://{host}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class SlowConnections:
    """Knows for each connection since when its client has the next move: a request, or to take an answer.

    Args:
        most: how many such connections there may be; beyond it the one that has had it longest is closed.
        seconds: how long one may have it.
    """

    def __init__(self, most: int = 64, seconds: float = 15.0) -> None:
        self._most = most
        self._seconds = seconds
        self._since: dict[RequestHandler, float] = {}

    def factory(self, server: web.Server) -> Callable[[], RequestHandler]:
        """What a listener makes each connection with."""

        def made() -> RequestHandler:
            self._close_beyond(self._most - 1)
            handler = server()
            self._since[handler] = asyncio.get_running_loop().time()
            return handler

        return made

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """What a request passes: while it is carried out its client has nothing to do."""
        connection = request.protocol
        self._since.pop(connection, None)
        try:
            return await handler(request)
        finally:
            self._since[connection] = asyncio.get_running_loop().time()

    async def cut(self) -> None:
        """Close the slow ones, until this is cancelled."""
        while True:
            await asyncio.sleep(_LOOK)
            now = asyncio.get_running_loop().time()
            for connection, since in list(self._since.items()):
                if now - since > (_LOOK if connection.transport is None else self._seconds):
                    self._close(connection)
            # Of many that came in one moment none had a transport yet by which it could be closed.
            self._close_beyond(self._most)

    def _close_beyond(self, most: int) -> None:
        # One that was made in this same moment has no transport yet, and one that was lost has none any more.
        open_ones = [one for one in self._since if one.transport is not None]
        for longest in open_ones[: max(0, len(open_ones) - most)]:
            self._close(longest)

    def _close(self, connection: RequestHandler) -> None:
        del self._since[connection]
        if connection.transport is not None:
            connection.transport.abort()


class ServeError(OpsciError):
    """The screen can't be served."""


class ScreenServer(Server):
    """The page, and the connection of each window to its process.

    Args:
        command: what a window runs, for the shell.
        port: 1 to 65,535.
        language: that of the page.
        drive: whether its windows drive the chain, or only look.
        windows: how many there may be at a time.
    """

    def __init__(self, command: str, port: int, language: str, *, drive: bool = False, windows: int = WINDOWS) -> None:
        templates = Path(__file__).with_name("templates")
        super().__init__(command, HOST, port, title="opsci", templates_path=str(templates))
        self._language = language
        self._drive_allowed = drive
        self._most = windows
        self._own = HostRule.of(HOST)
        self._windows: set[asyncio.Task[object]] = set()
        self._slow = SlowConnections()

    def serve(self, debug: bool = False) -> None:
        """Serve until Ctrl-C or SIGTERM; each window's process is ended first.

        Raises:
            ServeError: the port is taken.
        """
        logging.basicConfig(level=logging.WARNING, format="opsci-tui: %(message)s")
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        ended = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, ended.set)
        runner = web.AppRunner(self.application(), max_line_size=8_190, max_field_size=8_190)
        await runner.setup()
        assert runner.server is not None, "set up"  # noqa: S101 - for the type checker
        try:
            accept = self._slow.factory(runner.server)
            listening = await asyncio.get_running_loop().create_server(accept, HOST, self.port, reuse_address=True)
            cutting = asyncio.create_task(self._slow.cut())
            self._announce()
            await ended.wait()
            cutting.cancel()
            listening.close()
        except OSError as error:
            text = say("port {port} of {host} can't be used ({why}): name another one with --serve PORT")
            why = error.strerror or str(error)
            raise ServeError(text.format(port=self.port, host=HOST, why=why)) from None
        finally:
            await runner.cleanup()

    def _announce(self) -> None:
        where = say("the screen is at {address}; Ctrl-C ends it").format(address=self.public_url)
        if self._drive_allowed:
            warning = say("whoever on this machine can open that address drives the chain: it asks for no password")
        else:
            warning = say("its windows only look; --serve --drive lets whoever opens that address drive the chain")
        for line in (where, warning):
            self.console.print(f"opsci-tui: {line}", markup=False, highlight=False, soft_wrap=True)

    async def handle_index(self, request: web.Request) -> web.StreamResponse:
        """The page; everything in it is named without a host, so that it is its own under each of loopback's names."""
        font_size = request.query.get("fontsize", "")
        context = {
            "font_size": int(font_size) if font_size.isascii() and font_size.isdecimal() and len(font_size) < 4 else 16,
            "app_websocket_url": f"ws://{request.host}/ws",
            "config": {"static": {"url": "/static/"}},
            "application": {"name": self.title},
        }
        # Imported with textual-serve.
        import aiohttp_jinja2  # noqa: PLC0415

        answer = aiohttp_jinja2.render_template("app_index.html", request, context)
        answer.headers["Content-Security-Policy"] = _POLICY.format(host=request.host)
        return answer

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """A window's connection."""
        try:
            size = asked_size(request.query)
        except BadMessageError as error:
            raise web.HTTPBadRequest(text=str(error)) from None
        if len(self._windows) >= self._most:
            raise web.HTTPServiceUnavailable(text=f"there are {self._most} windows already: close one")
        window = asyncio.current_task()
        assert window is not None, "a request is handled in a task"  # noqa: S101 - for the type checker
        self._windows.add(window)
        # Not compressed: it goes nowhere but through this machine.
        connection = web.WebSocketResponse(heartbeat=15, max_msg_size=_MOST_MESSAGE, compress=False)
        try:
            await connection.prepare(request)
            await self._drive(connection, size)
        except asyncio.CancelledError:
            await connection.close()
        finally:
            self._windows.discard(window)
        return connection

    async def _drive(self, connection: web.WebSocketResponse, size: Size) -> None:
        """Run a window's process until its page, or the process itself, ends."""

        async def close() -> None:
            await connection.close()

        service = AppService(
            self.command,
            write_bytes=connection.send_bytes,
            write_str=connection.send_str,
            close=close,
            download_manager=self.download_manager,
        )
        try:
            await service.start(*size)
            async for message in connection:
                if message.type is not WSMsgType.TEXT:
                    raise BadMessageError("a page sends text")
                await _deliver(read_message(message.data), connection, service)
        except BadMessageError:
            await connection.close(code=_UNACCEPTABLE, message=b"no page of opsci says that")
        except ConnectionError:
            pass
        finally:
            await service.stop()

    async def on_shutdown(self, app: web.Application) -> None:
        """End the windows, whose chains drain; a connection by itself would only be given up after a while."""
        windows = list(self._windows)
        for window in windows:
            window.cancel()
        await asyncio.gather(*windows, return_exceptions=True)

    def words(self) -> Mapping[str, str]:
        """What the page says by itself."""
        return {
            "opening": say("opening the screen…"),
            "ended": say("This window has ended; the chain has stopped.")
            if self._drive_allowed
            else say("This window has ended; the chain goes on."),
            "again": say("Open it again"),
        }

    def application(self) -> web.Application:
        """The page with what it loads, the windows' connections, and who may ask for them."""
        # Imported with textual-serve; its environment is where the page's own words come from.
        import aiohttp_jinja2  # noqa: PLC0415
        import jinja2  # noqa: PLC0415

        app = web.Application(middlewares=[self._slow.middleware, self._refuse_others])
        environment = aiohttp_jinja2.setup(app, loader=jinja2.FileSystemLoader(self.templates_path))
        environment.globals.update(words=self.words(), language=self._language)
        app.add_routes(
            [
                web.get("/", self.handle_index),
                web.get("/ws", self.handle_websocket),
                web.get("/download/{key}", self.handle_download),
                web.static("/static", self.statics_path),
            ]
        )
        app.on_shutdown.append(self.on_shutdown)
        app.on_response_prepare.append(_add_headers)
        return app

    @web.middleware
    async def _refuse_others(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """A page of another site in the same browser can ask here, and a name can be made to lead here."""
        host = request.headers.get("Host", "")
        headers = {name.lower(): value for name, value in request.headers.items()}
        if not self._own.allows(host) or is_foreign(host, headers):
            raise web.HTTPForbidden(text="only this machine's own page may connect here")
        return await handler(request)


async def _add_headers(_: web.Request, answer: web.StreamResponse) -> None:
    for name, value in SAFE_HEADERS.items():
        answer.headers.setdefault(name, value)


async def _deliver(message: Message, connection: web.WebSocketResponse, service: AppService) -> None:
    match message:
        case Keys(text):
            await service.send_bytes(text.encode())
        case Resize():
            await service.set_terminal_size(*message.size)
        case Ping(said):
            await connection.send_json(["pong", said])
        case Focus():
            await service.focus()
        case Blur():
            await service.blur()
