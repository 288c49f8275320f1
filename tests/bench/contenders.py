"""The contenders that carry messages from MQTT into Kafka, each with its guarantee and the best settings found."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Final

from tests.bench.peers.install import install_node, install_python
from tests.bench.work import OURS, Contender

__all__ = ["BLANK_JOURNAL", "FLECHTWERK", "MQTTJS", "MQ_BRIDGE", "ON_UVLOOP", "OVER_TCP", "OVER_WEBSOCKETS"]

_PROMISE: Final = "PUBACK after Kafka's acks=all, idempotent, each message judged, keyed and recorded in the journal"

OVER_TCP: Final = Contender(OURS, _PROMISE, "opsci-bridge --only ingest with its defaults, over TCP", exact=True)
OVER_WEBSOCKETS: Final = Contender(
    OURS,
    _PROMISE,
    "opsci-bridge --only ingest with its defaults, over websockets",
    exact=True,
    told={"over": "websockets"},
)
ON_UVLOOP: Final = replace(
    OVER_TCP,
    name=f"{OURS}-uvloop",
    settings=f"{OVER_TCP.settings}, on uvloop",
    told={"flags": ["--set", "loop=uvloop"]},
)
BLANK_JOURNAL: Final = replace(
    OVER_TCP,
    name="blank-journal",
    guarantee="PUBACK after Kafka's acks=all, idempotent, each message judged and keyed, and none of it to be seen",
    settings=f"{OVER_TCP.settings}; its journal notes no message",
    told={"program": "tests.bench.peers.blank_journal"},
)
FLECHTWERK: Final = Contender(
    "flechtwerk",
    "PUBACK after a Kafka transaction, JSON read and written anew, keyed",
    "0.17 on uvloop, drain_limit 1000 and zstd (its defaults), poll_interval 10 ms",
    exact=True,
    install=partial(install_python, name="flechtwerk"),
    told={"batch": 1000, "interval": 0.01, "compression": "zstd"},
)
MQ_BRIDGE: Final = Contender(
    "mq-bridge",
    "PUBACK after Kafka's acknowledgement, idempotent, carried unread, keyed by a message id of its own",
    "1.2 (Rust), batch_size 4000, max_inflight and queue_capacity 65000, linger.ms 1, enable.idempotence",
    install=partial(install_python, name="mq_bridge"),
    # What made it faster, one by one: idempotence and a linger for its producer, an inflight window as large as the
    # protocol has it, and a batch large enough not to be waited for.
    told={
        "mqtt": {"max_inflight": 65_000, "queue_capacity": 65_000},
        "output": {"producer_options": [["linger.ms", "1"], ["enable.idempotence", "true"]]},
        "route": {"batch_size": 4000},
    },
)
MQTTJS: Final = Contender(
    "mqttjs-kafkajs",
    "none: QoS 0, a clean session, no wait for Kafka; one constant key",
    "MQTT.js 5.16, kafkajs 2.2 as the course's connector is written, over TCP",
    install=partial(install_node, name="mqttjs_kafkajs"),
)
