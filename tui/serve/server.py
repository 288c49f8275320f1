"""Serves the screen on loopback by textual-serve: a process of its own for each window."""

from __future__ import annotations

import asyncio
import logging
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web
from textual_serve.server import Server

from bridge.errors import OpsciError
from tui.language import say

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["HOST", "ScreenServer", "ServeError"]

HOST: Final = "127.0.0.1"
"""Where it listens, and nowhere else: who can open the page drives the chain."""


class ServeError(OpsciError):
    """The screen can't be served."""


class ScreenServer(Server):
    """The page, and the connection of each window to its process.

    Args:
        command: what a window runs, for the shell.
        port: 1 to 65,535.
        language: that of the page.
    """

    def __init__(self, command: str, port: int, language: str) -> None:
        templates = Path(__file__).with_name("templates")
        super().__init__(command, HOST, port, title="opsci", templates_path=str(templates))
        self._language = language
        self._own = {f"{HOST}:{port}", f"localhost:{port}"}
        self._windows: set[asyncio.Task[object]] = set()

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
        runner = web.AppRunner(await self._make_app())
        await runner.setup()
        try:
            await web.TCPSite(runner, HOST, self.port).start()
            self._announce()
            await ended.wait()
        except OSError as error:
            text = say("port {port} of {host} can't be used ({why}): name another one with --serve PORT")
            why = error.strerror or str(error)
            raise ServeError(text.format(port=self.port, host=HOST, why=why)) from None
        finally:
            await runner.cleanup()

    def _announce(self) -> None:
        where = say("the screen is at {address}; Ctrl-C ends it").format(address=self.public_url)
        warning = say("whoever on this machine can open that address drives the chain: it asks for no password")
        for line in (where, warning):
            self.console.print(f"opsci-tui: {line}", markup=False, highlight=False, soft_wrap=True)

    async def on_startup(self, app: web.Application) -> None:
        """It is said where the screen is once it can be opened, not here."""

    async def handle_index(self, request: web.Request) -> Any:
        """The page."""
        self._refuse_others(request)
        return await super().handle_index(request)

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """A window's connection."""
        # A page of another site in the same browser can open a connection here, and a name can be made to point here.
        self._refuse_others(request)
        window = asyncio.current_task()
        assert window is not None, "a request is handled in a task"  # noqa: S101 - for the type checker
        self._windows.add(window)
        try:
            return await super().handle_websocket(request)
        finally:
            self._windows.discard(window)

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
            "ended": say("This window has ended; the chain has stopped."),
            "again": say("Open it again"),
        }

    async def _make_app(self) -> web.Application:
        app = await super()._make_app()
        # Imported with textual-serve; its environment is where the page's own words come from.
        import aiohttp_jinja2  # noqa: PLC0415

        aiohttp_jinja2.get_env(app).globals.update(words=self.words(), language=self._language)
        return app

    def _refuse_others(self, request: web.Request) -> None:
        origin = request.headers.get("Origin")
        if request.host not in self._own or (origin is not None and origin.removeprefix("http://") not in self._own):
            raise web.HTTPForbidden(text="only this machine's own page may connect here")
