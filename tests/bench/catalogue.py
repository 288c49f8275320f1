"""Every work, in running order; this is the only list of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from tests.bench.applying import GET_PUT, LEDGER, PLAIN_REST, run_apply
from tests.bench.arrival import FIGURES, run_arrival
from tests.bench.contenders import BLANK_JOURNAL, FLECHTWERK, MQ_BRIDGE, MQTTJS, ON_UVLOOP, OVER_TCP, OVER_WEBSOCKETS
from tests.bench.growth import run_apply_among_products, run_apply_behind_ledger
from tests.bench.ingest import run_backlog, run_crew, run_live
from tests.bench.memory import run_memory
from tests.bench.screen import KEY_FIGURES, run_first_frame, run_idle, run_keys
from tests.bench.starts import run_start
from tests.bench.work import Contender, Work

__all__ = ["WORKS"]

_INGEST: Final = frozenset({"mosquitto", "kafka"})
_APPLY: Final = frozenset({"kafka", "strapi"})
_ALL: Final = _INGEST | _APPLY
_RATE: Final = (
    "The rate is the records after the first append over the time from it to the last (Kafka's own clock, "
    "`LogAppendTime`), so that no runtime's start counts."
)

_LISTED: Final = (
    Work(
        "ingest-backlog",
        "QoS 1 messages of 35 bytes that the broker kept for a session while its client was away, into a topic of 6 "
        f"partitions. {_RATE}",
        "messages/s",
        (OVER_TCP, ON_UVLOOP, MQ_BRIDGE, FLECHTWERK),
        run_backlog,
        _INGEST,
    ),
    Work(
        "ingest-live",
        "The same messages, published by two publishers as fast as the broker acknowledges, while the contender is "
        f"connected and warm. {_RATE}",
        "messages/s",
        (OVER_TCP, ON_UVLOOP, MQ_BRIDGE, FLECHTWERK, MQTTJS),
        run_live,
        _INGEST,
    ),
    Work(
        "ingest-websockets",
        f"`ingest-backlog` by our engine over websockets and over TCP. {_RATE}",
        "messages/s",
        (OVER_WEBSOCKETS, replace(OVER_TCP, name="tcp")),
        run_backlog,
        _INGEST,
    ),
    Work(
        "journal",
        f"`ingest-backlog` by our engine, and by the same one whose journal notes no message. {_RATE}",
        "messages/s",
        (OVER_TCP, BLANK_JOURNAL),
        run_backlog,
        _INGEST,
    ),
    Work(
        "apply",
        "Movements of 200 products from a topic of 6 partitions into Strapi 5 on SQLite. The rate is the movements "
        "after the first commit of the group over the time from it to the last.",
        "movements/s",
        (LEDGER, PLAIN_REST, GET_PUT),
        run_apply,
        _APPLY,
        also=(("apply/rest5/get-put", "rest5", "get-put"),),
    ),
    Work(
        "start",
        "The seconds until `python3 -m stack up` returns where everything is installed, and until `opsci-bridge` says "
        "that it is ready.",
        "s",
        (Contender("stack-up"), Contender("bridge-ready")),
        run_start,
        _ALL,
        more_is_better=False,
        warm_up=False,
    ),
    Work(
        "first-frame",
        "The seconds from the start of `opsci-tui` in a terminal of 120 x 40 to its first painted frame, and from the "
        "start of `python3 -m stack run`, which starts the servers beside it, where everything is installed.",
        "s",
        (Contender("tui"), Contender("stack-run")),
        run_first_frame,
        more_is_better=False,
        against="tui",
    ),
    Work(
        "idle",
        "The share of a core that screen and engine take together with the three panes open and nothing coming.",
        "%",
        (Contender("tui"),),
        run_idle,
        _ALL,
        more_is_better=False,
        warm_up=False,
    ),
    Work(
        "publish-to-row",
        "The median time from the publisher's clock, just before a movement goes to the broker, to the frame of a real "
        "terminal that shows its product's new stock, at 100 movements a second: through Mosquitto, Kafka and Strapi.",
        "ms",
        (Contender("tui"),),
        run_arrival,
        _ALL,
        more_is_better=False,
        figures=FIGURES,
        warm_up=False,
    ),
    Work(
        "keys-in-flood",
        "What 99 of 100 keys are answered within, from the key to the painted frame of a real terminal, while 5,000 "
        "messages come a second, 720,000 in all, and the panes follow: letters into the form, help opened and closed.",
        "ms",
        (Contender("tui"),),
        run_keys,
        _ALL,
        more_is_better=False,
        figures=KEY_FIGURES,
        warm_up=False,
    ),
    Work(
        "growth-engines",
        "A backlog for 1, 2 and 4 of our engines on one shared subscription, which are connected and are let go at the "
        f"same moment. {_RATE}",
        "messages/s",
        tuple(
            replace(OVER_TCP, name=str(count), settings=f"{count} x {OVER_TCP.settings}", told={"engines": count})
            for count in (1, 2, 4)
        ),
        run_crew,
        _INGEST,
        against="1",
    ),
    Work(
        "growth-partitions",
        f"`ingest-backlog` into a topic of 6 and of 60 partitions. {_RATE}",
        "messages/s",
        tuple(replace(OVER_TCP, name=str(count), told={"partitions": count}) for count in (6, 60)),
        run_backlog,
        _INGEST,
        against="6",
    ),
    Work(
        "growth-products",
        "`apply` by the ledger, movements spread over 200 products and over 100,000.",
        "movements/s",
        tuple(replace(LEDGER, name=str(count), told={**LEDGER.told, "products": count}) for count in (200, 100_000)),
        run_apply_among_products,
        _APPLY,
        against="200",
    ),
    Work(
        "growth-ledger",
        "`apply` by the ledger into an empty table of movements and into one of 1,000,000.",
        "movements/s",
        tuple(replace(LEDGER, name=str(count), told={**LEDGER.told, "recorded": count}) for count in (0, 1_000_000)),
        run_apply_behind_ledger,
        _APPLY,
        against="0",
    ),
    Work(
        "memory",
        "The most resident memory of `opsci-bridge`, both halves, while it takes 720,000 messages, an hour's worth at "
        "200/s, as fast as it can.",
        "MB",
        (replace(OVER_TCP, settings="opsci-bridge with its defaults, over TCP"),),
        run_memory,
        _ALL,
        more_is_better=False,
        warm_up=False,
    ),
)

WORKS: Final = {work.name: work for work in _LISTED}
"""The works by name."""
