"""What a screen stands on, as a process without a terminal: SIGUSR1 is its key `w`, and SIGTERM leaves it.

    python -m tests.faults.screen --config FILE

It watches where an engine carries the chain, as `opsci-tui` does, and logs to standard error.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bridge.embedded import EmbeddedChain
from bridge.journal import Server, State
from bridge.settings.load import load_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["CARRIES", "WATCHES", "main"]

WATCHES: Final = "this screen watches"
CARRIES: Final = "this screen carries the chain"

_LOOK: Final = 0.05

_log = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Watch, and carry once told to, until SIGTERM.

    Returns:
        0; 1 where the chain ended by itself.
    """
    parser = argparse.ArgumentParser("python -m tests.faults.screen")
    parser.add_argument("--config", type=Path, required=True)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    chain = EmbeddedChain(load_settings(options.config, os.environ), role="auto")
    ends, takes_over = threading.Event(), threading.Event()
    for number, event in ((signal.SIGTERM, ends), (signal.SIGINT, ends), (signal.SIGUSR1, takes_over)):
        signal.signal(number, lambda *_, event=event: event.set())
    chain.start()
    said = ""
    while not ends.wait(_LOOK):
        if not chain.running:
            return 1
        if takes_over.is_set():
            takes_over.clear()
            chain.take_over()
        does = _does(chain)
        if does != said:
            said = does
            _log.info("%s", said)
    chain.stop()
    return 0


def _does(chain: EmbeddedChain) -> str:
    inner, up = chain.chain, chain.journal.connections[Server.MQTT].state is State.UP
    if inner is None or not up:
        return "this screen waits"
    if chain.watches:
        return WATCHES
    return CARRIES if inner._presence is not None and inner._presence.carries else "this screen takes over"


if __name__ == "__main__":
    raise SystemExit(main())
