"""The command lines of recording and of the runner's `demo`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stack.command import parse as parse_stack
from stack.errors import NotRunningError
from stack.lifecycle import stop_one
from stack.paths import Paths
from stack.report import Report
from stack.venv_commands import start_one
from tui.recording.cli import main, parse
from tui.recording.servers import RunnerServers

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "one of the arguments --tour --from --check is required"),
        ("--tour t.py", "say what to make: --out, --mp4, --gif or --svg"),
        ("--from c.cast", "say what to make of it: --mp4 or --gif"),
        ("--tour t.py --check c.cast", "not allowed with argument"),
        ("--tour t.py --out c.cast --size 20x10", "'20x10' is no size from 80x28 to 320x100"),
        ("--tour t.py --out c.cast --size big", "'big' is no size"),
        ("--tour t.py --out c.cast --lang de", "invalid choice: 'de'"),
        ("--tour t.py --out c.cast --set theme", "is no KEY=VALUE"),
    ],
)
def test_a_wrong_line_says_what_is_right(line: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        parse(line.split())
    assert left.value.code == 2
    assert said in capsys.readouterr().err


def test_what_is_not_there_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = str(tmp_path / "x.cast")
    assert main(["--tour", str(tmp_path / "none.py"), "--stepped", "--out", target]) == 1
    assert "there is no tour" in capsys.readouterr().err
    assert main(["--from", target, "--mp4", str(tmp_path / "x.mp4")]) == 1
    assert "x.cast: No such file" in capsys.readouterr().err
    assert main(["--tour", "x.py", "--stepped", "--set", "screen.frames=-1", "--out", target]) == 2
    assert "screen.frames" in capsys.readouterr().err


def test_the_runner_takes_one_server() -> None:
    assert parse_stack(["stop", "strapi"]).server == "strapi"
    assert parse_stack(["demo", "--lang", "fr"]).lang == "fr"
    with pytest.raises(SystemExit):
        parse_stack(["start", "postgres"])


def test_where_nothing_runs_nothing_is_stopped_or_started(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = Paths.of(tmp_path / "state")
    assert stop_one(paths, Report(quiet=True), "kafka") == 0
    assert capsys.readouterr().out == "kafka does not run\n"
    with pytest.raises(NotRunningError, match="start all of them with `up`"):
        start_one(paths, Report(quiet=True), "kafka")


async def test_the_settings_file_says_whose_servers_are_meant(tmp_path: Path) -> None:
    said = tmp_path / "said"
    runner = ("sh", "-c", f'echo "$@" >> {said}', "stack")
    ours, other = tmp_path / "state", tmp_path / "other"
    ours.mkdir()
    (ours / ".opsci-state").touch()
    await RunnerServers(ours / "settings.toml", runner).stop("kafka")
    await RunnerServers(other / "settings.toml", runner).start("kafka")
    await RunnerServers(None, runner).start("strapi")
    assert said.read_text().splitlines() == [f"stop kafka --state {ours}", "start kafka", "start strapi"]
