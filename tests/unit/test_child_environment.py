"""The environment of the programs that we start, and where they import modules from."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from bridge.child_environment import server_environment, without_secrets
from stack.paths import Paths
from stack.ports import Ports
from stack.report import Report
from stack.run_state import Damage
from stack.servers.strapi import environment_of
from tui.local_servers import LocalServers
from tui.recording.servers import RunnerServers
from tui.serve.windows import _command

SECRETS = {
    "STRAPI_TOKEN": "1",
    "OPSCI_STRAPI_TOKEN": "2",
    "AWS_SECRET_ACCESS_KEY": "3",
    "DATABASE_PASSWORD": "4",
    "GITHUB_TOKEN": "5",
    "MQTT_PASSWORD": "6",
    "OPENAI_API_KEY": "7",
}
USUAL = {
    "PATH": "/bin",
    "HOME": "/home/me",
    "LANG": "C",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "JAVA_HOME": "/jdk",
    "TMPDIR": "/t",
}


def test_a_server_is_told_nothing_but_what_it_needs() -> None:
    told = server_environment(USUAL | SECRETS | {"HTTPS_PROXY": "http://me:secret@proxy", "DATABASE_CLIENT": "sqlite"})
    assert told == USUAL
    assert server_environment(SECRETS, "DATABASE_") == {"DATABASE_PASSWORD": "4", "LC_CTYPE": "C.UTF-8"}


def test_strapi_is_told_what_its_configuration_reads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "strapi").mkdir()
    monkeypatch.setenv("CORS_ORIGIN", "http://shop.example")
    monkeypatch.setenv("STRAPI_TOKEN", "s3cret")
    paths = Paths(tmp_path, tmp_path)
    told = environment_of(paths, Ports(), Damage(paths, Report(quiet=True)), admin=False)
    assert told["CORS_ORIGIN"] == "http://shop.example"
    assert "STRAPI_TOKEN" not in told


def test_an_installer_keeps_what_it_logs_in_with() -> None:
    own = {"PIP_INDEX_URL": "https://me:secret@index", "NPM_TOKEN": "8", "npm_config_token": "9", "HTTPS_PROXY": "p"}
    assert without_secrets(USUAL | SECRETS | own) == USUAL | own


def test_a_token_that_a_flag_gives_stands_in_no_windows_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPSCI_STRAPI_TOKEN", "")
    command = _command(Path("turn"), None, {"strapi.token": "s3cret", "mqtt.keepalive": "30"})
    assert "s3cret" not in command
    assert "mqtt.keepalive=30" in command
    assert os.environ["OPSCI_STRAPI_TOKEN"] == "s3cret"


@pytest.mark.parametrize(
    "command",
    [
        [*LocalServers()._command, "--help"],
        [*RunnerServers()._command, "--help"],
        [*shlex.split(_command(Path("turn"), None, {}).removeprefix("exec ")), "--help"],
    ],
    ids=["stack", "film", "window"],
)
def test_no_module_is_taken_from_the_current_folder(command: list[str], tmp_path: Path) -> None:
    for name in ("stack", "tui", "bridge", "argparse", "aiohttp", "textual"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'taken')!r}, 'w')\n")
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=tmp_path, env=environ, capture_output=True, check=False, stdin=subprocess.DEVNULL
    )
    assert not (tmp_path / "taken").exists()
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("given", "changed"),
    [
        ({"LC_ALL": "C"}, {"LC_ALL": "C.UTF-8"}),
        ({"LC_ALL": "fr_FR.ISO-8859-1", "LANG": "fr_FR.UTF-8"}, {"LC_ALL": "C.UTF-8"}),
        ({"LANG": "fr_FR"}, {"LC_CTYPE": "C.UTF-8"}),
        ({}, {"LC_CTYPE": "C.UTF-8"}),
        ({"LANG": "de_DE.utf8"}, {}),
        ({"LC_CTYPE": "C.UTF-8", "LANG": "fr_FR"}, {}),
    ],
)
def test_a_child_can_spell_every_name_of_a_file(given: dict[str, str], changed: dict[str, str]) -> None:
    assert server_environment(given) == given | changed
    assert without_secrets(given) == given | changed
