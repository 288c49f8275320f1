"""Where the local servers are, each as a client takes it."""

from __future__ import annotations

from dataclasses import dataclass

from stack.ports import LOOPBACK, Ports

__all__ = ["Addresses"]


@dataclass(frozen=True)
class Addresses:
    """The servers' addresses.

    Attributes:
        mqtt_ws: MQTT over websockets, a URL.
        mqtt_tcp: MQTT over TCP, a URL.
        kafka: `host:port` of the one broker.
        strapi: the base URL.
        web: the page for changing stock from a browser.
    """

    mqtt_ws: str
    mqtt_tcp: str
    kafka: str
    strapi: str
    web: str

    @classmethod
    def of(cls, ports: Ports, *, secure: bool = False) -> Addresses:
        """The addresses of these ports on loopback, with or without TLS."""
        s = "s" if secure else ""
        return cls(
            mqtt_ws=f"ws{s}://{LOOPBACK}:{ports.mqtt_ws}",
            mqtt_tcp=f"mqtt{s}://{LOOPBACK}:{ports.mqtt_tcp}",
            kafka=f"{LOOPBACK}:{ports.kafka}",
            strapi=f"http{s}://{LOOPBACK}:{ports.strapi}",
            web=f"http{s}://{LOOPBACK}:{ports.web}",
        )
