"""The servers' ports, the usual ones or the next free ones, and the addresses for clients."""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Final

from stack.errors import NoPortError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["LOOPBACK", "Addresses", "Ports", "chosen_ports", "is_free", "random_ports"]

LOOPBACK: Final = "127.0.0.1"
"""The address on which servers of the local runner listen; with `--lan` the web page's listen on all."""

_REACH: Final = 200
_BLOCKS: Final = range(20_000, 32_000, 10)
_reserved: Final[list[socket.socket]] = []


@dataclass(frozen=True)
class Ports:
    """One TCP port for each listener, 1 to 65535."""

    mqtt_ws: int = 1883
    mqtt_tcp: int = 1884
    kafka: int = 9092
    kafka_controller: int = 9093
    strapi: int = 1337
    web: int = 8000
    kafka_2: int = 9094
    kafka_2_controller: int = 9095
    kafka_3: int = 9096
    kafka_3_controller: int = 9097

    def of_brokers(self, count: int) -> list[tuple[int, int]]:
        """The ports of the first Kafka brokers, for each that for clients and that of its controller."""
        every = [
            (self.kafka, self.kafka_controller),
            (self.kafka_2, self.kafka_2_controller),
            (self.kafka_3, self.kafka_3_controller),
        ]
        return every[:count]

    def as_dict(self) -> dict[str, int]:
        """The ports by listener."""
        return asdict(self)


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of the loopback address.

    Connections of an earlier server in TIME_WAIT do not count, as servers set SO_REUSEADDR.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen()
        except OSError:
            return False
    return True


@contextmanager
def chosen_ports(wanted: Ports, keep: Iterable[str] = ()) -> Iterator[tuple[Ports, list[str]]]:
    """Replace each requested port that is taken by the next free one.

    Until the block ends, no other start of servers on this machine chooses them: a port seems free until its server
    listens.

    Args:
        wanted: the requested ports.
        keep: listeners whose port is kept, because our own server uses it.

    Yields:
        The ports to use, and a sentence for each that changed.

    Raises:
        NoPortError: none of the 200 ports from the requested one on is free.
    """
    kept = set(keep)
    taken = {port for name, port in wanted.as_dict().items() if name in kept}
    chosen: dict[str, int] = {}
    moved: list[str] = []
    with ExitStack() as claims:
        for name, first in wanted.as_dict().items():
            if name in kept:
                chosen[name] = first
                continue
            candidates = range(first, min(first + _REACH, 65536))
            port = next((port for port in candidates if port not in taken and _claim(port, claims)), None)
            if port is None:
                raise NoPortError(f"no free port for {name} from {first} to {candidates[-1]}: stop what holds them")
            if port != first:
                moved.append(f"port {first} is taken: {name.replace('_', ' ')} uses {port}")
            taken.add(port)
            chosen[name] = port
        yield Ports(**chosen), moved


def _claim(port: int, claims: ExitStack) -> bool:
    """Claim a free port until `claims` are closed; False if it is not free, or another start has claimed it."""
    claim = _reserve(f"opsci-port-{port}")
    if claim is None:
        return False
    # Only now: the test of one that another start has claimed could keep its server from listening.
    if not is_free(port):
        claim.close()
        return False
    claims.enter_context(claim)
    return True


def random_ports() -> Ports:
    """Choose free ports for a test, below the kernel's range for outgoing connections.

    No other call returns them until this process ends, in any process: parallel tests each choose theirs, and servers
    listen only later.

    Raises:
        NoPortError: every block of ports is reserved or contains a used port.
    """
    names = [field.name for field in fields(Ports)]
    for start in random.sample(_BLOCKS, len(_BLOCKS)):
        ports = Ports(**{name: start + index for index, name in enumerate(names)})
        reservation = _reserve(f"opsci-test-ports-{start}")
        if reservation is not None:
            _reserved.append(reservation)
            if all(map(is_free, ports.as_dict().values())):
                return ports
    raise NoPortError(f"no free ports for a test from {_BLOCKS[0]} to {_BLOCKS[-1]}")


def _reserve(name: str) -> socket.socket | None:
    """Reserve a name in Linux's abstract namespace until the socket is closed; None if it is taken."""
    held = socket.socket(socket.AF_UNIX)
    try:
        held.bind(f"\0{name}")
    except OSError:
        held.close()
        return None
    return held


@dataclass(frozen=True)
class Addresses:
    """The servers' addresses.

    Attributes:
        mqtt_ws: MQTT over websockets, a URL.
        mqtt_tcp: MQTT over TCP, a URL.
        kafka: `host:port` of the broker, or several separated by commas, as Kafka's clients accept it.
        strapi: the base URL.
        web: the page for changing stock from a browser.
    """

    mqtt_ws: str
    mqtt_tcp: str
    kafka: str
    strapi: str
    web: str

    @classmethod
    def of(cls, ports: Ports, *, secure: bool = False, brokers: int = 1) -> Addresses:
        """The addresses of these ports on loopback, with or without TLS, for a number of Kafka brokers."""
        s = "s" if secure else ""
        return cls(
            mqtt_ws=f"ws{s}://{LOOPBACK}:{ports.mqtt_ws}",
            mqtt_tcp=f"mqtt{s}://{LOOPBACK}:{ports.mqtt_tcp}",
            kafka=",".join(f"{LOOPBACK}:{port}" for port, _ in ports.of_brokers(brokers)),
            strapi=f"http{s}://{LOOPBACK}:{ports.strapi}",
            web=f"http{s}://{LOOPBACK}:{ports.web}",
        )
