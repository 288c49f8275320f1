"""Films on the real chain: the short tour, and an outage of a server."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import msgspec
import pytest

from bridge.embedded import EmbeddedChain
from bridge.settings import ScreenSettings
from stack.demo import fonts_beside
from stack.install import FONTS
from stack.paths import ROOT, Paths
from stack.report import Report
from stack.seed import seed_catalogue
from stack.system_packages import SystemPackages
from tests.chain.lane import Lane
from tests.chain.programs import write_settings
from tui.recording.check import check
from tui.recording.film import Script, Size, film_live
from tui.recording.servers import RunnerServers
from tui.recording.tour_file import TourError
from tui.recording.video import find_ffmpeg

if TYPE_CHECKING:
    from pathlib import Path

    from stack.local import LocalStack

RECORD = [sys.executable, "-c", "import sys; from tui.cli import main; sys.exit(main())", "record"]

AWAY_AND_BACK = """
async def tour(t):
    for server in ("MQTT ●", "Kafka ●", "Strapi ●"):
        await t.wait_for(server, seconds=60)
    await t.stop_server("strapi")
    await t.wait_for("Strapi  DOWN", seconds=60)
    await t.mark(en="Gone", fr="Parti", shows="Strapi  DOWN")
    t.objects(3, every=0.2)
    await t.all_done()
    await t.wait_for("3 received")
    await t.start_server("strapi")
    await t.all_done(seconds=120)
    await t.wait_decided(seconds=60)
    await t.mark(en="Back", fr="De retour", shows=("Strapi ●", "✓ 3 applied"))
"""


@pytest.fixture
async def lane(stack: LocalStack, monkeypatch: pytest.MonkeyPatch) -> Lane:
    made = Lane(stack)
    await made.make_topics()
    seed_catalogue(stack.addresses.strapi, stack.bridge_token)
    monkeypatch.setenv("OPSCI_STATE", str(stack.paths.state))
    return made


def record(*arguments: str | Path) -> str:
    done = subprocess.run([*RECORD, *map(str, arguments)], cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(600)
def test_the_short_tour_is_filmed_checked_and_made_into_a_film(
    lane: Lane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    font = SystemPackages(Paths.of().cache, Report(quiet=True)).programs(FONTS)["DejaVuSansMono.ttf"]
    for name, value in fonts_beside(font).items():
        monkeypatch.setenv(name, value)
    cast, film, picture = tmp_path / "short.cast", tmp_path / "short.mp4", tmp_path / "short.svg"
    config = write_settings(lane.settings(), tmp_path)
    tour = ROOT / "configs" / "tours" / "short.py"
    said = record("--tour", tour, "--config", config, "--out", cast, "--svg", picture, "--mp4", film)
    assert "of film made in" in said
    assert "4 chapters show what they promise" in record("--check", cast)
    told = subprocess.run([find_ffmpeg(), "-i", str(film)], check=False, capture_output=True, text=True).stderr
    duration = re.search(r"Duration: 00:00:(\d\d\.\d\d)", told)
    assert duration is not None, told
    assert 20 < float(duration[1]) < 60
    assert "1280x720" in told
    assert "ESP32" in picture.read_text()


@pytest.mark.timeout(600)
async def test_a_server_goes_and_comes_back_in_a_film(lane: Lane, tmp_path: Path) -> None:
    tour = tmp_path / "tour.py"
    tour.write_text(AWAY_AND_BACK)
    chain = EmbeddedChain(msgspec.structs.replace(lane.settings(), screen=ScreenSettings()))
    try:
        film = await film_live(chain, Script(tour, "en", Size(120, 36)), RunnerServers())
    finally:
        chain.stop()
    assert lane.stack.is_alive("strapi")
    assert list(check(film.cast)) == []


async def test_a_server_that_the_runner_cannot_stop_ends_the_film(lane: Lane, tmp_path: Path) -> None:
    tour = tmp_path / "tour.py"
    tour.write_text('async def tour(t):\n    await t.stop_server("postgres")\n    await t.all_done()\n')
    chain = EmbeddedChain(lane.settings())
    try:
        with pytest.raises(TourError, match="invalid choice: 'postgres'"):
            await film_live(chain, Script(tour, "en", Size(120, 36)), RunnerServers())
    finally:
        chain.stop()
