"""Finding programs, and reporting missing ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stack.errors import InstallError, MissingProgramsError
from stack.install import kafka_libs, needed_programs
from stack.paths import Paths
from stack.report import Report, Step
from stack.system_packages import SystemPackages, major_version, no_cluster
from stack.tool import run_tool

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("said", "major"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('java version "1.8.0_402"', 8),
        ('openjdk version "21" 2023-09-19', 21),
        ("v20.20.2\n", 20),
        ('Picked up JAVA_TOOL_OPTIONS: -Xmx1g\nopenjdk version "17.0.1"', 17),
        ("no such thing", 0),
    ],
)
def test_the_major_version_is_read(said: str, major: int) -> None:
    assert major_version(said) == major


def _program(folder: Path, name: str, says: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\necho '{says}'\n")
    (folder / name).chmod(0o755)


def test_everything_missing_is_named_in_one_message(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # A machine that is not Debian, with a Node.js that is too old.
    _program(tmp_path / "bin", "node", "v18.19.0")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(MissingProgramsError) as error:
        SystemPackages(tmp_path / "cache", Report(quiet=True)).programs({"java", "mvn", "node", "npm"})
    text = str(error.value)
    for expected in ("Java 17 or newer is not installed", "Maven is", "npm is", f"{tmp_path}/bin/node is 18"):
        assert expected in text


def test_a_newer_java_home_wins_over_an_old_java_on_the_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _program(tmp_path / "bin", "java", 'openjdk version "11.0.2"')
    (tmp_path / "jdk").mkdir()
    _program(tmp_path / "jdk" / "bin", "java", 'openjdk version "21.0.2"')
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jdk"))
    found = SystemPackages(tmp_path / "cache", Report(quiet=True)).programs({"java"})
    assert found == {"java": tmp_path / "jdk" / "bin" / "java"}


def test_a_kafka_home_makes_maven_unnecessary(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    paths = Paths.of(tmp_path / "state", tmp_path / "cache")
    monkeypatch.delenv("KAFKA_HOME", raising=False)
    assert needed_programs(paths, ["kafka"]) == {"java", "mvn"}
    monkeypatch.setenv("KAFKA_HOME", str(tmp_path))
    with pytest.raises(MissingProgramsError, match="KAFKA_HOME"):
        needed_programs(paths, ["kafka"])
    (tmp_path / "libs").mkdir()
    (tmp_path / "libs" / "kafka_2.13-4.1.1.jar").touch()
    assert needed_programs(paths, ["kafka"]) == {"java"}
    assert kafka_libs(paths) == tmp_path / "libs"


def test_servers_that_exist_elsewhere_need_nothing(tmp_path: Path) -> None:
    assert needed_programs(Paths.of(tmp_path, tmp_path), ()) == set()


def test_a_tool_that_fails_shows_its_cause_and_its_end(tmp_path: Path) -> None:
    script = "echo fatal: the cause; for line in $(seq 40); do echo line $line; done; exit 3"
    with pytest.raises(InstallError) as error:
        run_tool(["sh", "-c", script], Step("install it"), cwd=tmp_path)
    text = str(error.value)
    assert text.startswith("sh failed with exit code 3 (install it):")
    assert "fatal: the cause" in text
    assert "line 40" in text
    assert "line 20" not in text


def test_postgresql_is_found_off_the_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for major in ("15", "17"):
        (tmp_path / "postgresql" / major).mkdir(parents=True)
        _program(tmp_path / "postgresql" / major / "bin", "postgres", f"postgres (PostgreSQL) {major}.1")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr("stack.system_packages._SYSTEM_FOLDERS", ())
    monkeypatch.setattr("stack.system_packages._POSTGRES_FOLDERS", tmp_path / "postgresql")
    found = SystemPackages(tmp_path / "cache", Report(quiet=True)).programs({"postgres"})
    assert found == {"postgres": tmp_path / "postgresql" / "17" / "bin" / "postgres"}


def test_what_keeps_postgresql_from_making_a_database_is_gone_afterwards(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    setting = tmp_path / "postgresql-common" / "createcluster.d" / "opsci.conf"
    monkeypatch.setattr("stack.system_packages._NO_CLUSTER", setting)
    with no_cluster():
        assert setting.read_text() == "create_main_cluster = false\n"
        (setting.parent.parent / "createcluster.conf").touch()
    assert [path.name for path in (tmp_path / "postgresql-common").iterdir()] == ["createcluster.conf"]
