"""Windows of `opsci-tui --serve`: all of them watch at the same time, and change nothing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
import msgspec
import pytest
import tomli_w

from bridge.journal import Verdict
from bridge.kafka.reread import group_members
from tests.chain.applying import Shop, movement
from tests.chain.engine import engine
from tests.chain.lane import until
from tests.web.serving import Served

if TYPE_CHECKING:
    from pathlib import Path

    from tests.chain.lane import Lane


class Window:
    """What a browser's window is told to paint."""

    def __init__(self, connection: aiohttp.ClientWebSocketResponse) -> None:
        self._connection = connection
        self.seen = ""
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for message in self._connection:
            self.seen += message.data.decode(errors="replace") if isinstance(message.data, bytes) else message.data

    async def press(self, keys: str) -> None:
        await self._connection.send_json(["stdin", keys])


@pytest.mark.timeout(300)
async def test_all_windows_watch_at_the_same_time_and_change_nothing(lane: Lane, shop: Shop, tmp_path: Path) -> None:
    product = await shop.add(1_000, name="Served lamp")
    settings = lane.settings()
    served = Served(tmp_path, tomli_w.dumps(msgspec.to_builtins(settings)), arguments=())
    try:
        assert "only look" in served.said[1]
        async with (
            engine(settings) as carries,
            aiohttp.ClientSession(served.address) as client,
            client.ws_connect("/ws?width=160&height=40") as one,
            client.ws_connect("/ws?width=160&height=40") as other,
        ):
            await until(lambda: carries.journal.lag == 0)
            windows = [Window(one), Window(other)]
            for window in windows:
                await until(lambda window=window: "for looking only" in window.seen, 120)  # type: ignore[misc]
            await carries.publish(movement(product, 7_777))
            for window in windows:
                await until(lambda window=window: "7,777" in window.seen, 60)  # type: ignore[misc]
            assert await group_members(settings.kafka) == 1
            # The settings stay shut, and what is sent is refused.
            await windows[0].press("s")
            await windows[0].press(f"4{product}\t+5\r")
            await until(lambda: "it changes nothing" in windows[0].seen, 60)
            assert "Advanced" not in windows[0].seen
            assert carries.journal.verdicts[Verdict.APPLIED] == 1
    finally:
        code = await asyncio.to_thread(served.press_ctrl_c)
        left = served.left_behind()
        served.close()
    assert code == 0
    assert left == []
