"""`python3 -m stack.webserver`, started by the local runner and the compose file."""

from __future__ import annotations

import argparse
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.http.guard import HostRule
from stack.ports import LOOPBACK
from stack.webserver.site import Login, Site, page_files, web_server
from stack.webserver.stock import Stock

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["read_arguments"]


def read_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line; this process's by default."""
    parser = argparse.ArgumentParser("python3 -m stack.webserver", description="Serve the stock's web client.")
    parser.add_argument("--host", default=LOOPBACK, help="the address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8000, help="the port (default: %(default)s)")
    parser.add_argument(
        "--mqtt", required=True, metavar="URL", help="the broker's websockets for the browser; {host} is this one"
    )
    parser.add_argument("--topic", default="topic", help="where movements are published (default: %(default)s)")
    parser.add_argument("--strapi", required=True, metavar="URL", help="Strapi's base URL")
    parser.add_argument("--token-file", required=True, type=Path, metavar="FILE", help="Strapi's read-only token")
    parser.add_argument("--certificate", type=Path, metavar="FILE", help="serve HTTPS with this certificate (PEM)")
    parser.add_argument("--key", type=Path, metavar="FILE", help="its private key")
    parser.add_argument("--authority", type=Path, metavar="FILE", help="the authority of Strapi's certificate (PEM)")
    parser.add_argument("--user", default="", help="ask for this user, and let the page publish as that user")
    parser.add_argument("--password-file", type=Path, metavar="FILE", help="a file with that user's password")
    parser.add_argument(
        "--name", action="append", default=[], help="a name that the page may be opened by, as stock.example.org"
    )
    parser.add_argument("--script", required=True, type=Path, metavar="FILE", help="MQTT.js: its dist/mqtt.esm.js")
    return parser.parse_args(arguments)


def _main() -> None:
    options = read_arguments()
    login = Login(options.user, options.password_file) if options.user else None
    certificate = (options.certificate, options.key) if options.certificate else None
    site = Site(
        files=page_files(options.script),
        stock=Stock(options.strapi, options.token_file, options.authority),
        mqtt=options.mqtt,
        topic=options.topic,
        login=login,
    )
    rule = HostRule.of(options.host, options.name)
    with web_server(options.host, options.port, site, names=rule, certificate=certificate):
        signal.pause()


if __name__ == "__main__":
    _main()
