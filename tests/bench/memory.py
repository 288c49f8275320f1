"""The engine's memory while an hour's worth of messages passes through ingest and apply."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import tomli_w

from stack.paths import ROOT
from tests.bench.group import Group
from tests.bench.lane import Lane
from tests.bench.outcome import Outcome
from tests.bench.processes import Watched, highest
from tests.bench.publisher import PRODUCTS
from tests.bench.publishers import publish_all
from tests.bench.running import Running
from tests.bench.shop import Shop

if TYPE_CHECKING:
    from tests.bench.bench import Bench
    from tests.bench.work import Contender

__all__ = ["run_memory"]

_HOUR: Final = 720_000
_MEGABYTE: Final = 1_000_000


def run_memory(bench: Bench, contender: Contender) -> Outcome:
    """Publish while the engine is connected, and wait until Strapi has every movement."""
    count = bench.scaled(_HOUR, 2000)
    Shop(bench).stock_up(PRODUCTS)
    with Lane(bench) as lane:
        settings = {
            "mqtt": {"url": bench.stack.addresses.mqtt_tcp, "client_id": lane.name},
            "kafka": {"brokers": [bench.kafka], "group": lane.name},
            "strapi": {
                "url": bench.stack.addresses.strapi,
                "token_file": str(bench.stack.paths.bridge_token),
            },
            "watch": {"port": 0},
            "routes": [{"mqtt": lane.mqtt_topic, "kafka": lane.topic.name, "does": "movement"}],
        }
        file = bench.folder / f"{lane.name}.toml"
        file.write_text(tomli_w.dumps(settings))
        argv = [sys.executable, "-m", "bridge", "--config", str(file), *contender.told.get("flags", [])]
        with Running(argv, bench.folder / f"{lane.name}.log", ROOT) as running:
            lane.wait_until_there(running)
            probes = lane.topic.wait(0, quiet=1.0)
            with Watched({"contender": running.pid, **bench.pids("mosquitto", "kafka", "strapi")}) as watched:
                publish_all(bench.mqtt_port, lane.mqtt_topic, count)
                first, last = Group(bench.kafka, lane.name, lane.topic).follow(probes + count, running)
        samples = watched.samples["contender"]
        middle = [sample for sample in samples if sample.at < (samples[0].at + last.at) / 2]
        growth = (highest(samples) - highest(middle)) / _MEGABYTE
        return Outcome(
            value=highest(samples) / _MEGABYTE,
            seconds=last.at - first.at,
            messages=last.total - first.total,
            cpu=watched.cpu(first.at, last.at),
            memory=watched.memory(),
            missing=count - lane.topic.account().distinct,
            notes=(f"{count:,} messages; the second half added {growth:.1f} MB",),
        )
