"""A run's own topics and client ids on the shared servers, and the contenders that use them."""

from __future__ import annotations

import json
import sys
import uuid
from typing import TYPE_CHECKING, Any, Final

import tomli_w

from tests.bench.bench import FailedError
from tests.bench.kafka import Topic
from tests.bench.publisher import publish
from tests.bench.running import Running

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from tests.bench.bench import Bench
    from tests.bench.work import Contender

__all__ = ["Lane"]

_PROBES: Final = 120
_PATIENCE: Final = 0.25


class Lane:
    """Topics and names that no other run has.

    Args:
        bench: provides the servers.
        partitions: number of the Kafka topic's partitions.
        shared: whether its contenders share one subscription, as engines that share the load do.
    """

    def __init__(self, bench: Bench, *, partitions: int = 6, shared: bool = False) -> None:
        self.name = f"b{uuid.uuid4().hex[:8]}"
        self.mqtt_topic = f"bench/{self.name}"
        self.topic = Topic(bench.kafka, f"bench.{self.name}", partitions)
        self._filter = f"$share/{self.name}/{self.mqtt_topic}" if shared else self.mqtt_topic
        self._bench = bench

    def __enter__(self) -> Self:
        self.topic.make()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.topic.delete()

    def contender(self, contender: Contender, number: int = 0) -> Running:
        """Start a contender's process on this lane; each number has a session of its own."""
        client_id = f"{self.name}-{number}"
        log = self._bench.folder / f"{client_id}.log"
        if contender.install is None:
            return Running(self._ours(contender, client_id), log, self._bench.folder)
        installed = contender.install(self._bench)
        told = {
            "mqtt_port": self._bench.mqtt_port,
            "client_id": client_id,
            "mqtt_topic": self._filter,
            "kafka": self._bench.kafka,
            "kafka_topic": self.topic.name,
            **contender.told,
        }
        return Running([*installed.argv, json.dumps(told)], log, installed.cwd)

    def wait_until_there(self, running: Running) -> None:
        """Send probes until one has come through.

        Raises:
            FailedError: the contender ended, or none came through within half a minute.
        """
        before = self.topic.wait(0)
        for sent in range(_PROBES):
            self.publish(1, sent)
            if self.topic.wait(before + 1, patience=_PATIENCE, on=running.must_live) > before:
                return
        raise FailedError(f"no message came through in {_PROBES * _PATIENCE:.0f} s; {running.last_words()}")

    def publish(self, count: int, first: int = 0) -> None:
        """Publish probes, which are not counted."""
        probes = (
            b'{"id":%d,"amount":1,"type":"IN","probe":%d}' % (number % 200 + 1, number)
            for number in range(first, first + count)
        )
        publish(self._bench.mqtt_port, self.mqtt_topic, probes)

    def _ours(self, contender: Contender, client_id: str) -> list[str]:
        """Return the command of our engine as its users run it, with a settings file for this machine's servers."""
        addresses = self._bench.stack.addresses
        websockets = contender.told.get("over") == "websockets"
        settings: dict[str, Any] = {
            "mqtt": {
                "url": addresses.mqtt_ws if websockets else addresses.mqtt_tcp,
                "client_id": client_id,
                "in_flight": 4000,
            },
            "kafka": {"brokers": [addresses.kafka]},
            "watch": {"port": 0},
            "routes": [{"mqtt": self._filter, "kafka": self.topic.name, "does": "movement"}],
        }
        file = self._bench.folder / f"{client_id}.toml"
        file.write_text(tomli_w.dumps(settings))
        return [
            sys.executable,
            "-m",
            str(contender.told.get("program", "bridge")),
            "--only",
            "ingest",
            "--config",
            str(file),
            *contender.told.get("flags", []),
        ]
