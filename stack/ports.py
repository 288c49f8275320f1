"""The ports of the servers: the usual one, or the next that is free."""

from __future__ import annotations

import random
import socket
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Final

from stack.errors import NoPortError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["LOOPBACK", "Ports", "choose_ports", "is_free", "random_ports"]

LOOPBACK: Final = "127.0.0.1"
"""The only address that any server of the local runner listens on."""

_REACH: Final = 200


@dataclass(frozen=True)
class Ports:
    """One TCP port a listener, 1 to 65535."""

    mqtt_ws: int = 1883
    mqtt_tcp: int = 1884
    kafka: int = 9092
    kafka_controller: int = 9093
    strapi: int = 1337
    web: int = 8000

    def as_dict(self) -> dict[str, int]:
        """The ports by listener."""
        return asdict(self)


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of the loopback address.

    Connections of an earlier server that linger in TIME_WAIT do not count, as servers set SO_REUSEADDR.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen()
        except OSError:
            return False
    return True


def choose_ports(wanted: Ports, keep: Iterable[str] = ()) -> tuple[Ports, list[str]]:
    """Move each wanted port that is taken to the next free one.

    Args:
        wanted: the ports asked for.
        keep: listeners whose port stays as it is, because our own server has it open.

    Returns:
        The ports to use, and a sentence for each that moved.

    Raises:
        NoPortError: none of the 200 ports after the wanted one is free.
    """
    kept = set(keep)
    taken = {port for name, port in wanted.as_dict().items() if name in kept}
    chosen: dict[str, int] = {}
    moved: list[str] = []
    for name, first in wanted.as_dict().items():
        if name in kept:
            chosen[name] = first
            continue
        candidates = range(first, min(first + _REACH, 65536))
        port = next((port for port in candidates if port not in taken and is_free(port)), None)
        if port is None:
            raise NoPortError(f"no free port for {name} from {first} to {candidates[-1]}: stop what holds them")
        if port != first:
            moved.append(f"port {first} is taken: {name.replace('_', ' ')} uses {port}")
        taken.add(port)
        chosen[name] = port
    return Ports(**chosen), moved


def random_ports() -> Ports:
    """Choose free ports for a test, below the range that the kernel gives to outgoing connections."""
    names = [field.name for field in fields(Ports)]
    start = random.randrange(20_000, 32_000, 10)  # noqa: S311
    wanted = Ports(**{name: start + index for index, name in enumerate(names)})
    return choose_ports(wanted)[0]
