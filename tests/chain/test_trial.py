"""`opsci-bridge trial` beside engines: it reports on its movements whichever engine carries them, and disturbs none."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest

from bridge.command import trial as carriers
from bridge.command.trial import _trial
from bridge.ingest import claim
from bridge.journal import Server, State
from tests.chain.engine import engine
from tests.chain.lane import until
from tests.chain.programs import write_settings

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.settings import Settings
    from tests.chain.lane import Lane


@pytest.fixture
async def product(lane: Lane) -> dict[str, Any]:
    """A product with a stock, as there may be none yet."""
    return await lane.make_product(10, barcode=f"0{lane.name}")


async def tried(settings: Settings, capsys: pytest.CaptureFixture[str], code: int = 0) -> str:
    capsys.readouterr()
    found = await _trial(settings)
    told = capsys.readouterr().out
    assert found == code, told
    return told


def whole(told: str, settings: Settings) -> None:
    """Check five movements, each with its way and the expected result."""
    lines = [line for line in told.splitlines() if " > " in line]
    assert [line[:2] for line in lines] == ["01", "02", "03", "04", "05"], told
    assert f"> Kafka {settings.routes[0].kafka} p" in lines[0]
    assert "> MQTT " in lines[0]
    assert "the payload is not JSON" in lines[4]
    assert told.endswith("5 of 5 movements ended as they should\n")


@pytest.mark.usefixtures("product")
@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_a_running_engine_keeps_its_session_and_carries_them(
    lane: Lane, version: str, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = lane.settings(mqtt={"version": version})
    async with engine(settings) as chain:
        await until(lambda: chain.journal.lag == 0)
        since = chain.journal.connections[Server.MQTT].since
        told = await tried(settings, capsys)
        whole(told, settings)
        assert "another engine takes what is published and applies" in told
        assert chain.journal.connections[Server.MQTT].state is State.UP
        assert chain.journal.connections[Server.MQTT].since == since
        assert chain.journal.received.total == 5
        assert chain.journal.decided.total == 5


@pytest.mark.usefixtures("product")
@pytest.mark.parametrize(("ingest", "apply"), [(True, False), (False, True)])
async def test_it_does_what_of_an_engine_no_other_one_does(
    lane: Lane, ingest: bool, apply: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    half = lane.settings(ingest={"enabled": ingest}, apply={"enabled": apply})
    async with engine(half, wait=False) as chain:
        journal = chain.journal
        if ingest:
            await until(lambda: journal.connections[Server.MQTT].state is State.UP)
        else:
            await until(lambda: journal.lag == 0)
        whole(await tried(lane.settings(), capsys), half)
        assert (journal.received.total, journal.decided.total) == ((5, 1) if ingest else (0, 4))


@pytest.mark.usefixtures("product")
async def test_by_plain_rest_it_tells_what_another_engine_applied(
    lane: Lane, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = lane.settings(strapi={"mode": "rest5"})
    async with engine(settings) as chain:
        await until(lambda: chain.journal.lag == 0)
        told = await tried(settings, capsys)
        whole(told, settings)
        assert told.count("Strapi applied") == 3
        assert chain.journal.received.total == 5


@pytest.mark.usefixtures("product")
async def test_after_a_stopped_engine_it_carries_them_at_once(lane: Lane, capsys: pytest.CaptureFixture[str]) -> None:
    settings = lane.settings()
    async with engine(settings) as chain:
        await until(lambda: chain.journal.lag == 0)
    told = await tried(settings, capsys)
    whole(told, settings)
    assert "another engine" not in told


@pytest.mark.usefixtures("product")
async def test_after_a_killed_engine_it_carries_them_once_that_one_gives_no_sign_of_life(
    lane: Lane, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carriers, "SILENT", 2.0)
    settings = lane.settings()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bridge", "--config", str(write_settings(settings, tmp_path)), "--set", "watch.port=0"),
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    said = b""
    while b"mqtt: connected" not in said or b"this engine takes" not in said:
        line = await asyncio.wait_for(process.stderr.readline(), 60)
        assert line, said.decode()
        said += line
    process.send_signal(signal.SIGKILL)
    await process.communicate()
    told = await tried(settings, capsys)
    whole(told, settings)
    assert "another engine takes what is published" in told


async def test_a_holder_gives_signs_of_life_often_enough() -> None:
    assert claim.SILENT > claim._RENEW + claim._LOOK
