"""A server of the screen for browsers, based on textual-serve: each window has its own process."""

from __future__ import annotations

import asyncio
import logging
import math
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from aiohttp import WSMsgType, web
from textual_serve.app_service import AppService
from textual_serve.server import Server

from bridge.errors import OpsciError
from bridge.http.guard import SAFE_HEADERS, HostRule, is_foreign
from bridge.http.own_address import own_address
from tui.language import say
from tui.serve.login import SETTING, Login, WaitError, new_password, read_password
from tui.serve.messages import BadMessageError, Blur, Focus, Keys, Ping, Resize, Size, asked_size, read_message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from aiohttp.typedefs import Handler
    from aiohttp.web_protocol import RequestHandler

    from tui.serve.address import Listen
    from tui.serve.messages import Message

__all__ = ["WINDOWS", "ScreenServer", "ServeError", "SlowConnections"]


_LOOK: Final = 1.0
"""Seconds between two checks for slow connections."""

_REALM: Final = 'Basic realm="opsci: any user name, and the password that opsci-tui --serve gave", charset="UTF-8"'

WINDOWS: Final = 32
"""Windows at a time unless set otherwise: a class of students. Each one is a process."""

_EVERYWHERE: Final = ("0.0.0.0", "::")  # noqa: S104 - what a person may name
"""All addresses of this machine."""

_MOST_MESSAGE: Final = 1_048_576
"""Bytes of a page's message at most; pasted text comes as one message."""

_UNACCEPTABLE: Final = 1008
"""The code (RFC 6455, section 7.4.1) for closing a connection whose page sends invalid messages."""

# The page's terminal creates its own style elements.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; img-src 'self' data:; "
    "connect-src 'self' ws://{host}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class SlowConnections:
    """Tracks for each connection since when it has been waiting for its client to send a request or to read an answer.

    Args:
        most: number of waiting connections; beyond it the longest waiting one is closed.
        seconds: how long one may wait.
    """

    def __init__(self, most: int = 64, seconds: float = 15.0) -> None:
        self._most = most
        self._seconds = seconds
        self._since: dict[RequestHandler, float] = {}

    def factory(self, server: web.Server) -> Callable[[], RequestHandler]:
        """Return the factory with which a listener creates connections."""

        def made() -> RequestHandler:
            self._close_beyond(self._most - 1)
            handler = server()
            self._since[handler] = asyncio.get_running_loop().time()
            return handler

        return made

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Stop counting a connection as waiting while its request is handled."""
        connection = request.protocol
        self._since.pop(connection, None)
        try:
            return await handler(request)
        finally:
            self._since[connection] = asyncio.get_running_loop().time()

    async def cut(self) -> None:
        """Close slow connections, until cancelled."""
        while True:
            await asyncio.sleep(_LOOK)
            now = asyncio.get_running_loop().time()
            for connection, since in list(self._since.items()):
                if now - since > (_LOOK if connection.transport is None else self._seconds):
                    self._close(connection)
            # Connections of one burst had no transport yet by which they could be closed.
            self._close_beyond(self._most)

    def _close_beyond(self, most: int) -> None:
        # A connection created just now has no transport yet, and a lost one has none any more.
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
    """Serves the page, and connects each window to its process.

    Args:
        command: the shell command of a window.
        listen: the address; beyond loopback a password is required.
        language: of the page.
        drive: whether its windows drive the chain, or only look.
        windows: number of windows at a time.
        password_file: the file with the password; empty to make one. Not used on loopback.

    Raises:
        SettingsError: the file has no valid password.
    """

    def __init__(
        self,
        command: str,
        listen: Listen,
        language: str,
        *,
        drive: bool = False,
        windows: int = WINDOWS,
        password_file: str = "",
    ) -> None:
        templates = Path(__file__).with_name("templates")
        super().__init__(command, listen.host, listen.port, title="opsci", templates_path=str(templates))
        self._language = language
        self._drive_allowed = drive
        self._most = windows
        self._own = HostRule.of(listen.host)
        self._password_file = password_file
        self._made_password = "" if self._own.loopback or password_file else new_password()
        self._login: Login | None = None
        if not self._own.loopback:
            self._login = Login(self._made_password or read_password(password_file), time.monotonic)
        self._windows: set[asyncio.Task[object]] = set()
        self._slow = SlowConnections()

    def serve(self, debug: bool = False) -> None:
        """Serve until Ctrl-C or SIGTERM, then end each window's process.

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
            listening = await asyncio.get_running_loop().create_server(accept, self.host, self.port, reuse_address=True)
            cutting = asyncio.create_task(self._slow.cut())
            self._announce()
            await ended.wait()
            cutting.cancel()
            listening.close()
        except OSError as error:
            text = say("port {port} of {host} can't be used ({why}): name another one with --serve PORT")
            why = error.strerror or str(error)
            raise ServeError(text.format(port=self.port, host=self.host, why=why)) from None
        finally:
            await runner.cleanup()

    def _announce(self) -> None:
        for line in self._announcement():
            self.console.print(f"opsci-tui: {line}", markup=False, highlight=False, soft_wrap=True)

    def _announcement(self) -> Iterator[str]:
        yield say("the screen is at {address}; Ctrl-C ends it").format(address=self._address())
        if self._login is None:
            if self._drive_allowed:
                yield say("whoever on this machine can open that address drives the chain: it asks for no password")
            else:
                yield say("its windows only look; --serve --drive lets whoever opens that address drive the chain")
            return
        if self._made_password:
            # The password is shown only here.
            password, self._made_password = self._made_password, ""
            text = say("the password is {password}, with any user name; {setting} can name a file with another one")
            yield text.format(password=password, setting=SETTING)
        else:
            text = say("the password is the one in {file}, with any user name")
            yield text.format(file=self._password_file)
        yield say("nothing is encrypted: whoever can read this network's traffic can read the screen and the password")
        if self._drive_allowed:
            yield say("whoever has the password drives the chain")
        else:
            yield say("its windows only look; --serve --drive lets whoever has the password drive the chain")

    def _address(self) -> str:
        """Return the address to type on another machine."""
        host = (own_address() or self.host) if self.host in _EVERYWHERE else self.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    async def handle_index(self, request: web.Request) -> web.StreamResponse:
        """Serve the page; its links have no host, so that it works under every name of loopback."""
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
        """Handle a window's connection."""
        try:
            size = asked_size(request.query)
        except BadMessageError as error:
            raise web.HTTPBadRequest(text=str(error)) from None
        if len(self._windows) >= self._most:
            raise web.HTTPServiceUnavailable(text=f"there are {self._most} windows already: close one")
        window = asyncio.current_task()
        assert window is not None, "a request is handled in a task"  # noqa: S101 - for the type checker
        self._windows.add(window)
        # Not compressed: it usually stays on this machine.
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
        """Run a window's process until its page or the process ends."""

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
        """End the windows, whose chains drain; otherwise their connections would only time out."""
        windows = list(self._windows)
        for window in windows:
            window.cancel()
        await asyncio.gather(*windows, return_exceptions=True)

    def words(self) -> Mapping[str, str]:
        """Return the page's own texts."""
        return {
            "opening": say("opening the screen…"),
            "ended": say("This window has ended; the chain has stopped.")
            if self._drive_allowed
            else say("This window has ended; the chain goes on."),
            "again": say("Open it again"),
        }

    def application(self) -> web.Application:
        """Create the application: the page and its files, the windows' connections, and the access checks."""
        # Imported with textual-serve; the page's own texts come from its environment.
        import aiohttp_jinja2  # noqa: PLC0415
        import jinja2  # noqa: PLC0415

        app = web.Application(middlewares=[self._slow.middleware, self._refuse_others, self._ask_password])
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
        """Refuse requests that another site's page or a rebound DNS name makes in the same browser."""
        host = request.headers.get("Host", "")
        headers = {name.lower(): value for name, value in request.headers.items()}
        if not self._own.allows(host) or is_foreign(host, headers):
            raise web.HTTPForbidden(text="only this machine's own page may connect here")
        return await handler(request)

    @web.middleware
    async def _ask_password(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Require the password or its cookie beyond loopback, also for the websocket."""
        login = self._login
        # Cookies are shared by all ports of a host: another screen served there needs its own.
        name = f"opsci-serve-{self.port}"
        if login is None or login.has_cookie(request.cookies.get(name, "")):
            return await handler(request)
        try:
            known = login.lets_in(request.headers.get("Authorization", ""), request.remote or "")
        except WaitError as error:
            text = say("too many wrong passwords: try again in {seconds} s").format(seconds=math.ceil(error.seconds))
            raise web.HTTPTooManyRequests(text=text, headers={"Retry-After": str(math.ceil(error.seconds))}) from None
        if not known:
            text = say("the password that opsci-tui --serve gave is needed; any user name will do")
            raise web.HTTPUnauthorized(text=text, headers={"WWW-Authenticate": _REALM})
        answer = await handler(request)
        if not answer.prepared:
            answer.set_cookie(name, login.cookie, httponly=True, samesite="Strict")
        return answer


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
