"""The QR code with which a phone opens the web page, if the page is reachable from the network."""

from __future__ import annotations

import asyncio
import http.client
import io
import json
import socket
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit, urlunsplit

from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from bridge.http.own_address import is_loopback, own_address
from bridge.text import readable
from tui.actions import bindings
from tui.language import say
from tui.widgets.footer import KeysFooter, TranslatedKeys

if TYPE_CHECKING:
    from textual.app import ComposeResult

__all__ = ["WebCodeScreen", "phone_address", "qr_code"]

_PATIENCE: Final = 2.0
"""Seconds within which the page has to answer on the address that phones use."""

_MOST: Final = 100_000
_PORTS: Final = {"ws": 80, "wss": 443}

_AROUND: Final = 8
"""Lines of the window beside the code: its frame, the address, a hint, and the line of keys."""


def phone_address(web: str) -> str:
    """Return the address of the web page for a phone; this takes some seconds at most.

    Args:
        web: the setting `screen.web`.

    Returns:
        The same address if it names a machine in the network. If it is a loopback address and this machine's network
        address also answers, for the page and for the broker that it uses, the page's there; empty if only this machine
        can use the page.
    """
    parts = urlsplit(web)
    if not parts.hostname:
        return ""
    if not is_loopback(parts.hostname):
        return web
    host = own_address()
    port = parts.port or (443 if parts.scheme == "https" else 80)
    if not host or not _answers(host, port) or not _broker_answers(parts.scheme, host, port):
        return ""
    return urlunsplit(parts._replace(netloc=f"{host}:{port}"))


def _answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), _PATIENCE).close()
    except OSError:
        return False
    return True


def _broker_answers(scheme: str, host: str, port: int) -> bool:
    """Whether the broker that the page names answers; True where the page does not tell it without a login."""
    kind = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
    connection = kind(host, port, timeout=_PATIENCE)
    try:
        connection.request("GET", "/config.json")
        answer = connection.getresponse()
        if answer.status != http.HTTPStatus.OK:
            return True
        broker = urlsplit(str(json.loads(answer.read(_MOST)).get("mqtt", "")))
    except (OSError, http.client.HTTPException):
        # A certificate that only phones trust, or a page of another kind.
        return True
    except (ValueError, AttributeError):
        return True
    finally:
        connection.close()
    if not broker.hostname:
        return True
    return not is_loopback(broker.hostname) and _answers(broker.hostname, broker.port or _PORTS.get(broker.scheme, 80))


def qr_code(address: str, border: int = 4) -> str:
    """Draw a QR code with two rows per line, to be shown in black on white.

    Args:
        address: what it says.
        border: of white modules around it; the standard has 4 (ISO/IEC 18004), phones read fewer.
    """
    # Imported here because it is rarely needed.
    import segno  # noqa: PLC0415

    drawn = io.StringIO()
    segno.make(address, micro=False).save(drawn, kind="txt", border=border)
    rows = drawn.getvalue().split()
    rows += ["0" * len(rows[0])] * (len(rows) % 2)
    blocks = {("0", "0"): " ", ("1", "0"): "▀", ("0", "1"): "▄", ("1", "1"): "█"}
    pairs = zip(rows[::2], rows[1::2], strict=True)
    return "\n".join("".join(blocks[pair] for pair in zip(*two, strict=True)) for two in pairs)


class WebCodeScreen(ModalScreen[None], TranslatedKeys[None]):
    """Shows the code, or says how to make the page reachable for phones.

    Args:
        web: the setting `screen.web`, not empty.
        identity: the screen's id.
    """

    BINDINGS = bindings("web_code")

    def __init__(self, web: str, identity: str | None = None) -> None:
        super().__init__(id=identity)
        self._web = web

    def compose(self) -> ComposeResult:
        with Vertical(classes="window", id="web-code") as box:
            box.border_title = Content(say("The web page on a phone"))
            yield Static(Content(say("asking whether phones can reach the page")), markup=False, id="web-code-text")
        yield KeysFooter()

    async def on_mount(self) -> None:
        """Find the address and show its code."""
        self.run_worker(self._show())

    async def _show(self) -> None:
        address = await asyncio.to_thread(phone_address, self._web)
        self.query_one("#web-code-text", Static).update(self._text(address))

    def _text(self, address: str) -> Content:
        if not address:
            return _how_to_open(self._web)
        code = qr_code(address)
        if code.count("\n") + 1 + _AROUND > self.app.size.height:
            code = qr_code(address, border=1)
        hint = say("For phones in this network; if one can't open it, a firewall stands between.")
        return Content.assemble(
            (code, "#000000 on #ffffff"), "\n\n", (readable(address), "bold"), "\n", (hint, "$foreground-muted")
        )


def _how_to_open(web: str) -> Content:
    """Say that phones can't reach the page, and which command changes that."""
    if urlsplit(web).scheme == "https":
        told = say("Phones can't reach the page: {web} and its certificate are for this machine alone.")
        return Content(told.format(web=readable(web)))
    return Content.assemble(
        (say("Phones can't reach the page yet: {web} is for this machine alone.").format(web=readable(web)), "bold"),
        "\n\n",
        say("This opens it to the network, with MQTT for it and nothing else:"),
        ("\n\n  python3 -m stack run --lan\n\n", "bold $accent"),
        say("With Docker, this does, with Strapi too:"),
        ("\n\n  OPSCI_PUBLISH=0.0.0.0 docker compose -f stack/compose.yaml up\n\n", "bold $accent"),
        (say("Whoever is in the network can then move stock."), "$text-warning"),
    )
