"""Stepped films: the same at every run, the committed one up to date, and the error of an impossible step."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from stack.paths import ROOT
from tui.recording.check import check
from tui.recording.film import Script, Size, film_stepped
from tui.recording.tour_file import TourError

if TYPE_CHECKING:
    from pathlib import Path

SHORT = ROOT / "configs" / "tours" / "short.py"
PICTURES = ROOT / "tui" / "pictures"
REFRESH = (
    "opsci-tui record --tour configs/tours/short.py --stepped "
    "--out tui/pictures/short.cast --svg tui/pictures/short.svg"
)

RECORD = [sys.executable, "-c", "import sys; from tui.cli import main; sys.exit(main())", "record"]


@dataclass
class Filmed:
    """The short tour as filmed by the command."""

    cast: str
    picture: str


def record(*arguments: str | Path) -> str:
    done = subprocess.run(
        [*RECORD, *map(str, arguments)], cwd=ROOT, check=False, capture_output=True, text=True, timeout=110
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def film_short(folder: Path) -> Filmed:
    cast, picture = folder / "short.cast", folder / "short.svg"
    record("--tour", SHORT, "--stepped", "--out", cast, "--svg", picture)
    return Filmed(cast.read_text(), picture.read_text())


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Filmed:
    return film_short(tmp_path_factory.mktemp("film"))


def test_another_process_films_the_same_bytes(film: Filmed, tmp_path: Path) -> None:
    # Without pytest's account of the difference, which is a hundred thousand characters long.
    same = film_short(tmp_path) == film
    assert same


def test_the_committed_film_is_up_to_date(film: Filmed) -> None:
    same = (PICTURES / "short.cast").read_text() == film.cast
    assert same, f"the screen has changed since the short film was made; make it anew: {REFRESH}"
    same = (PICTURES / "short.svg").read_text() == film.picture
    assert same, f"the screen has changed since the picture was taken; take it anew: {REFRESH}"


def test_it_keeps_its_promises_and_takes_about_thirty_seconds() -> None:
    cast = film_stepped(Script(SHORT, "en", Size(128, 36))).cast
    assert list(check(cast)) == []
    assert 20 <= cast.duration <= 40
    assert len([event for event in cast.events if event.code == "m"]) == 4


def test_it_plays_in_french(tmp_path: Path) -> None:
    cast = tmp_path / "fr.cast"
    record("--tour", SHORT, "--stepped", "--lang", "fr", "--out", cast)
    assert "4 chapters show what they promise" in record("--check", cast)
    assert "Trois volets" in cast.read_text()


def tour(tmp_path: Path, *steps: str) -> Script:
    file = tmp_path / "tour.py"
    file.write_text("async def tour(t):\n" + "".join(f"    {step}\n" for step in steps))
    return Script(file, "en", Size(120, 36))


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ('await t.wait_for("never there", seconds=1)', "not within 1 s: 'never there'"),
        ('await t.wait_gone("Kafka", seconds=1)', "still there after 1 s: 'Kafka'"),
        ('await t.wait_match(r"x{9}", seconds=1)', "not within 1 s: x{9}"),
        ("1 / 0", "ZeroDivisionError"),
        (
            'await t.publish(5, 1); await t.stop_server("mosquitto"); await t.all_done(); await t.publish(5, 1)',
            "not published",
        ),
        ('await t.press("ctrl+q"); await t.wait_for("never there")', "the application has ended"),
    ],
)
def test_a_step_that_cannot_be_done_is_named(step: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(TourError) as failed:
        film_stepped(tour(tmp_path, 'await t.wait_for("ESP32")', step))
    text = str(failed.value)
    assert f"{tmp_path / 'tour.py'}:3: {step}" in text
    assert said in text
    if said.startswith("not within"):
        assert "Capteur" in text, "it shows the screen"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("def tour(t): ...", "has no `async def tour"),
        ("import nothing_of_that_name", "can't be read: ModuleNotFoundError"),
        (None, "there is no tour"),
    ],
)
def test_what_is_no_tour_is_said(content: str | None, said: str, tmp_path: Path) -> None:
    file = tmp_path / "tour.py"
    if content is not None:
        file.write_text(content)
    with pytest.raises(TourError, match=said):
        film_stepped(Script(file, "en", Size(120, 36)))


def test_what_waits_for_a_server_goes_on_when_it_is_back(tmp_path: Path) -> None:
    script = tour(
        tmp_path,
        'await t.wait_for("ESP32")',
        'await t.stop_server("kafka")',
        'await t.wait_for("✗ Kafka")',
        "await t.publish(5, 5)",
        'await t.wait_for("◌ waits")',
        'await t.start_server("kafka")',
        'await t.wait_for("✓ 1 applied")',
        'await t.mark(en="Back", fr="Retour", shows=("Kafka ●", "✓ 1 applied"))',
    )
    assert list(check(film_stepped(script).cast)) == []
