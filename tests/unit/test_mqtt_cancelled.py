"""What is left of an MQTT connection that is cancelled before the broker has answered."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest

from bridge.mqtt.handover import begin_to_share, end_session
from bridge.mqtt.session import Session
from bridge.settings import MqttSettings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


async def _open_session(settings: MqttSettings) -> None:
    async with Session(settings, ["topic"], lambda *_: None):
        pass


async def _share(settings: MqttSettings) -> None:
    await begin_to_share(settings, ["$share/engines/topic"])


@pytest.mark.parametrize("connecting", [_open_session, _share, end_session])
async def test_a_connection_that_is_cancelled_is_closed(connecting: Callable[[MqttSettings], Awaitable[None]]) -> None:
    asked, closed = asyncio.Event(), asyncio.Event()

    async def keep_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1000):
            asked.set()
        closed.set()
        writer.close()

    server = await asyncio.start_server(keep_silent, "127.0.0.1")
    async with server:
        port = server.sockets[0].getsockname()[1]
        task = asyncio.ensure_future(connecting(MqttSettings(url=f"mqtt://127.0.0.1:{port}", client_id="cancelled")))
        async with asyncio.timeout(60):
            await asked.wait()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            await closed.wait()
