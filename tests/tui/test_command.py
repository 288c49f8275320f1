"""`opsci-tui` as a program: in a real terminal, without one, and with wrong settings."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from bridge.command_line import LEAVE_SERVERS
from bridge.settings import Settings
from tui.cli import _chain_for, parse
from tui.local_servers import LocalServers, LocalServersError

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = [sys.executable, "-c", "import sys; from tui.cli import main; sys.exit(main())"]


_COLOURS = re.compile(rb"\x1b\[[0-9;]*m")


class Terminal:
    """A program in a pseudo-terminal of 120 by 40."""

    def __init__(self, *arguments: str, state: Path) -> None:
        self.started = time.monotonic()
        environment = {"OPSCI_STATE": str(state), "COLUMNS": "120", "LINES": "40", "TERM": "xterm-256color"}
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [*COMMAND, *arguments], stdin=slave, stdout=slave, stderr=slave, env=os.environ | environment
        )
        os.close(slave)
        self.output = b""

    def wait_for(self, text: bytes, seconds: float = 60) -> float:
        """Read until a text was written, in whatever colours; return the seconds since the start."""
        deadline = time.monotonic() + seconds
        while text not in self.output and text not in _COLOURS.sub(b"", self.output):
            assert time.monotonic() < deadline, self.output.decode(errors="replace")
            ready, _, _ = select.select([self.master], [], [], 0.2)
            if ready:
                try:
                    self.output += os.read(self.master, 65_536)
                except OSError:
                    assert text in self.output, self.output.decode(errors="replace")
        return time.monotonic() - self.started

    def type(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.master)


def settings_file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "opsci.toml"
    path.write_text(text)
    return path


AWAY = """
drain = 1
[mqtt]
url = "mqtt://127.0.0.1:9"
[kafka]
brokers = ["127.0.0.1:9"]
[strapi]
url = "http://127.0.0.1:9"
"""


def test_it_opens_with_all_servers_away_and_q_leaves(tmp_path: Path) -> None:
    terminal = Terminal("--config", str(settings_file(tmp_path, AWAY)), state=tmp_path)
    try:
        terminal.wait_for(b"Move stock")
        terminal.wait_for(b"DOWN")
        terminal.type(b"q")
        terminal.wait_for(b"finishing what is under way")
        assert terminal.process.wait(30) == 0
    finally:
        terminal.close()


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (b"43\t4", b'{"id":3,"amount":4,"type":"IN"}'),
        (b"412\t-7", b'{"id":12,"amount":7,"type":"OUT"}'),
        (b"/ab\r417\t5", b'{"id":17,"amount":5,"type":"IN"}'),
        (b"dq49\t5", b'{"id":9,"amount":5,"type":"IN"}'),
        (b"sq2/x\r\x1b[B419\t-1", b'{"id":19,"amount":1,"type":"OUT"}'),
    ],
)
def test_keys_that_one_read_of_the_terminal_brings_go_where_they_belong(
    tmp_path: Path, keys: bytes, said: bytes
) -> None:
    terminal = Terminal("--config", str(settings_file(tmp_path, AWAY)), state=tmp_path)
    try:
        terminal.wait_for(b"Move stock")
        terminal.wait_for(b"DOWN")
        terminal.type(keys)
        terminal.wait_for(said)
    finally:
        terminal.close()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[mqtt]\nurl = 5\n", b"mqtt.url"),
        ("[screen]\ntheme = 'nope'\n", b"screen.theme: found 'nope'"),
        ("[nonsense]\n", b"nonsense"),
    ],
)
def test_wrong_settings_are_said_without_a_traceback(tmp_path: Path, text: str, said: bytes) -> None:
    terminal = Terminal("--config", str(settings_file(tmp_path, text)), state=tmp_path)
    try:
        terminal.wait_for(said)
        assert terminal.process.wait(30) == 2
        assert b"Traceback" not in terminal.output
    finally:
        terminal.close()


def test_a_kept_setting_starts_the_chain_anew(tmp_path: Path) -> None:
    path = settings_file(tmp_path, AWAY)
    terminal = Terminal("--config", str(path), state=tmp_path)
    try:
        terminal.wait_for(b"Move stock")
        terminal.type(b"s")
        terminal.wait_for(b"Advanced")
        terminal.type(b"/finish its work\r")
        terminal.wait_for(b"OPSCI_DRAIN")
        terminal.type(b"\r")
        terminal.wait_for(b"now from")
        terminal.type(b"\x15")
        terminal.wait_for(b'this is ""')
        terminal.type(b"2\r")
        terminal.wait_for(b"1 change")
        terminal.type(b"\x13")
        terminal.wait_for(b"finishing what is under way")
        terminal.output = b""
        terminal.wait_for(b"written to")
        assert path.read_text() == AWAY.replace("drain = 1", "drain = 2")
        terminal.type(b"q")
        terminal.wait_for(b"finishing what is under way")
        assert terminal.process.wait(30) == 0
    finally:
        terminal.close()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--set", "screen.theme=nope"], b"screen.theme: found 'nope'"),
        (["--set", "mqtt.ulr=x"], b"command line: mqtt.ulr: there is no such setting; did you mean mqtt.url?"),
        (["--set", 'screen.keys={"focus.from": "f4"}'], b"did you mean focus.form?"),
        (["--set", "nothing"], b"is no KEY=VALUE"),
    ],
)
def test_wrong_flags_are_said(tmp_path: Path, arguments: list[str], said: bytes) -> None:
    terminal = Terminal("--config", str(settings_file(tmp_path, AWAY)), *arguments, state=tmp_path)
    try:
        terminal.wait_for(said)
        assert terminal.process.wait(30) == 2
        assert b"Traceback" not in terminal.output
    finally:
        terminal.close()


def test_the_screens_settings_alone_leave_the_chain_running() -> None:
    settings = Settings(drain=1)
    chain = _chain_for(settings, None, None)
    nord = replace(settings, screen=replace(settings.screen, theme="nord"))
    assert _chain_for(nord, chain, None) is chain
    assert chain.settings == nord
    more = replace(settings, screen=replace(settings.screen, keep=500))
    assert _chain_for(more, chain, None) is not chain
    assert _chain_for(replace(settings, drain=2), chain, None) is not chain


def test_without_a_terminal_it_says_what_to_use() -> None:
    done = subprocess.run(COMMAND, check=False, capture_output=True, stdin=subprocess.DEVNULL, text=True)
    assert done.returncode == 2
    assert "opsci-bridge" in done.stderr


def test_version_and_flags() -> None:
    assert parse(["--stack"]).stack
    done = subprocess.run([*COMMAND, "--version"], check=False, capture_output=True, text=True)
    assert done.stdout.startswith("opsci 0.")


RUNNER = """
import json, pathlib, sys
log = pathlib.Path({log!r})
with log.open("a") as file:
    file.write(sys.argv[1] + "\\n")
if sys.argv[1] == "status":
    print(json.dumps({{"settings_file": "/x/settings.toml", "servers": {{"kafka": {{"state": {state!r}}}}}}}))
sys.exit({code} if sys.argv[1] == "up" else 0)
"""


def servers(tmp_path: Path, state: str, code: int = 0) -> tuple[LocalServers, Path]:
    log = tmp_path / "calls"
    return LocalServers((sys.executable, "-c", RUNNER.format(log=str(log), state=state, code=code))), log


def test_servers_that_it_started_are_stopped(tmp_path: Path) -> None:
    local, log = servers(tmp_path, "stopped")
    assert str(local.start()) == "/x/settings.toml"
    local.stop()
    assert log.read_text().split() == ["status", "up", "status", "down"]


def test_servers_that_are_to_run_on_are_not_stopped(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    local, log = servers(tmp_path, "stopped")
    local.start()
    local.leave()
    local.stop()
    assert "down" not in log.read_text().split()
    assert "`python3 -m stack down` stops them" in capfd.readouterr().err


def test_the_runner_is_told_by_the_exit_code_what_the_person_who_quits_wants(tmp_path: Path) -> None:
    for key, code in ((b"q", 0), (b"b", LEAVE_SERVERS)):
        terminal = Terminal("--ask-about-servers", "--config", str(settings_file(tmp_path, AWAY)), state=tmp_path)
        try:
            terminal.wait_for(b"Move stock")
            terminal.type(b"q")
            terminal.wait_for(b"Quitting stops the servers that opsci started.")
            terminal.type(key)
            terminal.wait_for(b"finishing what is under way")
            assert terminal.process.wait(30) == code
        finally:
            terminal.close()


def test_servers_that_ran_before_are_left_alone(tmp_path: Path) -> None:
    local, log = servers(tmp_path, "running")
    local.start()
    local.stop()
    assert "down" not in log.read_text().split()


def test_servers_that_do_not_start_are_said(tmp_path: Path) -> None:
    local, _ = servers(tmp_path, "stopped", code=1)
    with pytest.raises(LocalServersError, match="did not start"):
        local.start()
