"""`opsci-bridge check`: tries each server and each right, and says in one line each what is wrong and what to do."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from bridge.command.checks.kafka import check_kafka
from bridge.command.checks.mqtt import check_mqtt
from bridge.command.checks.strapi import check_strapi
from bridge.command.watch import needed
from bridge.journal import Server
from bridge.secret import warning_of_open_secrets
from bridge.text import readable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping

    from bridge.command.checks.finding import Finding
    from bridge.settings import Settings

__all__ = ["check", "try_servers"]

_CHECKS: Final[Mapping[Server, Callable[[Settings], AsyncIterator[Finding]]]] = {
    Server.MQTT: check_mqtt,
    Server.KAFKA: check_kafka,
    Server.STRAPI: check_strapi,
}


def check(settings: Settings) -> int:
    """Try what this engine needs by its settings, and print a line for each thing tried.

    Args:
        settings: the engine's.

    Returns:
        The exit code: 0 all is well, 1 something is not.
    """
    if warning := warning_of_open_secrets(settings):
        print(f"warning settings {readable(warning)}")
    failed = asyncio.run(_check(settings))
    print(f"{failed} to mend" if failed else "all is well")
    return 1 if failed else 0


async def try_servers(settings: Settings, servers: Iterable[Server]) -> AsyncIterator[Finding]:
    """Try servers one after the other; nothing is made or changed there.

    Args:
        settings: the engine's.
        servers: which.

    Yields:
        What came of each thing tried, as soon as it did.
    """
    for server in servers:
        async for finding in _CHECKS[server](settings):
            yield finding


async def _check(settings: Settings) -> int:
    failed = 0
    async for finding in try_servers(settings, needed(settings)):
        failed += not finding.ok
        advice = f" -> {finding.advice}" if finding.advice else ""
        word = "ok" if finding.ok else "FAILED"
        print(f"{word:<7} {finding.server.value:<7} {readable(finding.what + advice)}", flush=True)
    return failed
