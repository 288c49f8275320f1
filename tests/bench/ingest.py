"""Ingest: from MQTT into Kafka, from a backlog and live."""

from __future__ import annotations

import signal
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from tests.bench.lane import Lane
from tests.bench.outcome import Outcome
from tests.bench.processes import Watched
from tests.bench.publisher import PRODUCTS
from tests.bench.publishers import publish_all, rate_alone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bench.bench import Bench
    from tests.bench.kafka import Account
    from tests.bench.running import Running
    from tests.bench.work import Contender

__all__ = ["run_backlog", "run_crew", "run_live"]

_QUIET: Final = 1.0
_PATIENCE: Final = 20.0
_WARM: Final = 5000
_ROLL_CALL: Final = 100
_KEPT_UP: Final = 0.03
"""A contender that ends within this share of the publishing after it was not at its own limit."""

_FULL: Final = 0.9
"""The share of a core from which on a server of one thread is at its limit."""


def run_backlog(bench: Bench, contender: Contender) -> Outcome:
    """Let messages queue at the broker, then time how the contender takes them into Kafka.

    Args:
        bench: provides the servers.
        contender: its `told` may have `partitions`, the number of the topic's partitions.
    """
    with Lane(bench, partitions=int(contender.told.get("partitions", 6))) as lane:
        with lane.contender(contender) as running:
            lane.wait_until_there(running)
            # Some of each product: a partition's files are made with its first record.
            lane.publish(2 * PRODUCTS, 1000)
            probes = lane.topic.wait(0, quiet=_QUIET)
        publish_all(bench.mqtt_port, lane.mqtt_topic, bench.messages)
        with lane.contender(contender) as running, _watch(bench, [running]) as watched:
            lane.topic.wait(probes + bench.messages, quiet=_QUIET, patience=_PATIENCE, on=running.must_live)
        return _outcome(bench, lane.topic.account(), watched)


def run_crew(bench: Bench, contender: Contender) -> Outcome:
    """Let messages queue at the broker while several engines on one subscription are stopped, then continue all.

    They are stopped by a signal rather than ended, so that their start-up is not part of the measured time.

    Args:
        bench: provides the servers.
        contender: its `told` has `engines`, the number of engines that share the work.
    """
    engines = int(contender.told["engines"])
    with Lane(bench, shared=True) as lane, ExitStack() as context:
        for number in range(engines):
            # Each alone: of several that share a subscription, any may take the probe.
            with lane.contender(contender, number) as running:
                lane.wait_until_there(running)
        crew = [context.enter_context(lane.contender(contender, number)) for number in range(engines)]
        before = lane.topic.wait(0, quiet=_QUIET)
        lane.publish(_ROLL_CALL * engines, 1000)
        # Each one's share of these waits until it is connected.
        probes = lane.topic.wait(before + _ROLL_CALL * engines, quiet=_QUIET, patience=_PATIENCE)
        for running in crew:
            running.process.send_signal(signal.SIGSTOP)
        publish_all(bench.mqtt_port, lane.mqtt_topic, bench.messages)
        with _watch(bench, crew) as watched:
            for running in crew:
                running.process.send_signal(signal.SIGCONT)
            lane.topic.wait(probes + bench.messages, quiet=_QUIET, patience=_PATIENCE, on=crew[0].must_live)
        return _outcome(bench, lane.topic.account(), watched)


def run_live(bench: Bench, contender: Contender) -> Outcome:
    """Publish as fast as the broker accepts while the contender is connected and warm."""
    alone = rate_alone(bench.mqtt_port, bench.messages)
    with Lane(bench) as lane:
        with lane.contender(contender) as running:
            lane.wait_until_there(running)
            lane.publish(bench.scaled(_WARM, 500), 1000)
            probes = lane.topic.wait(0, quiet=_QUIET)
            with _watch(bench, [running]) as watched:
                published = publish_all(bench.mqtt_port, lane.mqtt_topic, bench.messages)
                lane.topic.wait(probes + bench.messages, quiet=_QUIET, patience=_PATIENCE, on=running.must_live)
        found = lane.topic.account()
        behind = found.last - published.finished
        limit = "the publishers" if behind < _KEPT_UP * (published.finished - published.began) else ""
        return _outcome(bench, found, watched, limit, (f"the publishers and the broker alone: {alone:,.0f}/s",))


def _watch(bench: Bench, crew: Sequence[Running]) -> Watched:
    names = ["contender", *(f"contender {number}" for number in range(2, len(crew) + 1))]
    pids = {name: running.pid for name, running in zip(names, crew, strict=True)}
    return Watched({**pids, **bench.pids("mosquitto", "kafka")})


def _outcome(bench: Bench, found: Account, watched: Watched, limit: str = "", notes: tuple[str, ...] = ()) -> Outcome:
    cpu = watched.cpu(found.first, found.last)
    seconds = found.last - found.first
    if seconds and cpu.get("mosquitto", 0.0) / seconds > _FULL:
        limit = f"{limit} and the broker" if limit else "the broker"
    return Outcome(
        value=found.rate,
        seconds=seconds,
        messages=found.later,
        cpu=cpu,
        memory=watched.memory(),
        missing=bench.messages - found.distinct,
        twice=found.records - found.distinct,
        limit=limit,
        notes=notes,
    )
