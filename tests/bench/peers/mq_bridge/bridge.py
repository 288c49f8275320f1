"""A bridge with mq-bridge: one route without a handler, so that all runs in Rust. `bridge.py '{"mqtt_port": 1884}'`."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys

from mq_bridge import Route, init_logging  # type: ignore[import-not-found]

logging.basicConfig(level=logging.WARNING)
init_logging()
told = json.loads(sys.argv[1])
# The route runs in Rust and lets no Python signal handler run.
signal.signal(signal.SIGTERM, signal.SIG_DFL)
route = Route.from_config(
    {
        "input": {
            "mqtt": {
                "url": f"tcp://127.0.0.1:{told['mqtt_port']}",
                "topic": told["mqtt_topic"],
                "client_id": told["client_id"],
                "qos": 1,
                "session_expiry_interval": 86_400,
                **told["mqtt"],
            }
        },
        "output": {"kafka": {"url": told["kafka"], "topic": told["kafka_topic"], **told["output"]}},
        **told["route"],
    }
)
route.start()
signal.pause()
os._exit(0)
