"""`python3 -m stack.websockets`, started by the local runner and the compose file."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.http.guard import HostRule
from stack.ports import LOOPBACK
from stack.websockets.origin import OriginRule
from stack.websockets.relay import Relay, serve

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main", "read_arguments"]


def read_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line; this process's by default."""
    parser = argparse.ArgumentParser(
        "python3 -m stack.websockets", description="MQTT over websockets for the pages that may use the broker."
    )
    parser.add_argument("--host", default=LOOPBACK, help="the address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=1883, help="the port (default: %(default)s)")
    parser.add_argument("--broker-host", default=LOOPBACK, help="where the broker is (default: %(default)s)")
    parser.add_argument(
        "--broker-port", type=int, default=1884, help="its port for MQTT over TCP (default: %(default)s)"
    )
    parser.add_argument("--authority", type=Path, metavar="FILE", help="speak TLS to it, trusting this authority (PEM)")
    parser.add_argument("--certificate", type=Path, metavar="FILE", help="serve TLS with this certificate (PEM)")
    parser.add_argument("--key", type=Path, metavar="FILE", help="its private key")
    parser.add_argument(
        "--origin", action="append", default=[], help="pages that may beside this machine's own: http://host:port"
    )
    parser.add_argument(
        "--name", action="append", default=[], help="a name that this server may be asked by, as broker.example.org"
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until SIGTERM or SIGINT."""
    options = read_arguments(arguments)
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.INFO)
    asyncio.run(_serve(options))


async def _serve(options: argparse.Namespace) -> None:
    ending = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)
    tls = None
    if options.certificate:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(options.certificate, options.key)
    relay = Relay(
        broker=(options.broker_host, options.broker_port),
        origins=OriginRule.of(options.origin),
        names=HostRule.of(options.host, options.name),
        trust=ssl.create_default_context(cafile=str(options.authority)) if options.authority else None,
    )
    await serve(relay, options.host, options.port, tls=tls, until=ending)


if __name__ == "__main__":
    main()
