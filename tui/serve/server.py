"""Serves the screen to browsers by textual-serve: a process of its own for each window."""

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

    from tui.serve.messages import Message
    from tui.serve.windows import Listen

__all__ = ["WINDOWS", "ScreenServer", "ServeError", "SlowConnections"]


_LOOK: Final = 1.0
"""Seconds between two looks at who is slow."""

_REALM: Final = 'Basic realm="opsci: any user name, and the password that opsci-tui --serve gave", charset="UTF-8"'

WINDOWS: Final = 32
"""How many there may be at a time unless another number is said: a class. Each is a process of its own."""

_EVERYWHERE: Final = ("0.0.0.0", "::")  # noqa: S104 - what a person may name
"""All addresses of this machine."""

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
        listen: where; beyond loopback it asks for a password.
        language: that of the page.
        drive: whether its windows drive the chain, or only look.
        windows: how many there may be at a time.
        password_file: the file with the password; empty to make one. On loopback none is asked for.

    Raises:
        SettingsError: there is no good password in the file.
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
            # Said here and nowhere else.
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
        """What a person on another machine types."""
        host = (own_address() or self.host) if self.host in _EVERYWHERE else self.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

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
        # Not compressed: most of the time it goes nowhere but through this machine.
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
        """A page of another site in the same browser can ask here, and a name can be made to lead here."""
        host = request.headers.get("Host", "")
        headers = {name.lower(): value for name, value in request.headers.items()}
        if not self._own.allows(host) or is_foreign(host, headers):
            raise web.HTTPForbidden(text="only this machine's own page may connect here")
        return await handler(request)

    @web.middleware
    async def _ask_password(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Beyond loopback whatever is asked for, the websocket too, needs the password or its cookie."""
        login = self._login
        # Cookies are one host's, whatever the port: another screen served there has its own.
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
