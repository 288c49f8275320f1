"""The images: what they run is what the local runner runs, and the secrets they need are made once."""

from __future__ import annotations

import ast
import json
import re
import stat
from typing import TYPE_CHECKING

import pytest

from stack.docker.make_secrets import make_secrets
from tests.unit.composed import COMPOSE, DOCKERFILES, ROOT, SERVICES, instructions, steps

if TYPE_CHECKING:
    from pathlib import Path

BY_NAME = {file.name: file for file in DOCKERFILES}


def _words(*path: str) -> set[str]:
    """The texts that stand in a module of the runner."""
    tree = ast.parse(ROOT.joinpath(*path).read_text())
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def test_every_built_image_has_its_dockerfile() -> None:
    built = {
        (ROOT / "stack" / build["context"] / build["dockerfile"]).resolve()
        for service in SERVICES.values()
        if (build := service.get("build"))
    }
    assert built == {file.resolve() for file in DOCKERFILES}


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: file.name)
def test_an_image_is_pinned_and_ends_as_an_ordinary_user(file: Path) -> None:
    found = instructions(file)
    bases = [rest.split()[0] for word, rest in found if word == "FROM"]
    assert all(re.fullmatch(r"(python|node):\d[\w.-]*", base) for base in bases)
    assert [rest for word, rest in found if word == "USER"] == ["1000:1000"]
    assert [word for word, _ in found].index("USER") < [word for word, _ in found].index("CMD")


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: file.name)
def test_what_is_copied_is_there(file: Path) -> None:
    context = ROOT if file.name == "bridge.Dockerfile" else ROOT / "stack" / "strapi"
    for word, rest in instructions(file):
        if word == "COPY" and "--from" not in rest:
            *sources, _ = rest.split()
            assert all((context / source).exists() for source in sources)


def test_the_bridge_image_runs_the_runners_commands() -> None:
    page, packages, project, engine = steps(BY_NAME["bridge.Dockerfile"])
    runner = _words("stack", "bootstrap.py")
    assert packages[:4] == project[:4] == ["python", "-m", "pip", "install"]
    assert packages[-2:] == ["-r", "stack/locks/run.txt"]
    assert project[-2:] == ["-e", "."]
    assert {*packages[1:-1], *project[1:-1]} <= runner
    assert page[0] == "npm"
    assert set(page[1:]) <= _words("stack", "provide.py")
    copied = next(rest for word, rest in instructions(BY_NAME["bridge.Dockerfile"]) if "--from=web" in rest)
    assert {"mqtt", "dist", "mqtt.esm.js"} <= {*copied.split()[1].split("/")} & _words("stack", "servers", "web.py")
    assert copied.split()[2] == SERVICES["web"]["command"][-1]
    assert "opsci-bridge = " in (ROOT / "pyproject.toml").read_text()
    assert engine == ["opsci-bridge", "run"]


def test_the_strapi_image_runs_the_runners_commands() -> None:
    install, build, *folders, start = steps(BY_NAME["strapi.Dockerfile"])
    assert install[0] == "npm"
    assert set(install[1:]) <= _words("stack", "provide.py")
    program = "node_modules/@strapi/strapi/bin/strapi.js"
    assert start == ["node", program, "start"]
    assert {*program.split("/"), "start"} <= _words("stack", "servers", "strapi.py")
    scripts = json.loads((ROOT / "stack" / "strapi" / "package.json").read_text())["scripts"]
    assert build == ["NODE_ENV=production", "node", program, scripts["build"].removeprefix("strapi ")]
    assert all(folder[:2] == ["install", "-d"] for folder in folders)
    volumes = [volume.split(":")[1] for volume in SERVICES["strapi"]["volumes"]]
    assert [folder[-1] for folder in folders] == [volume.removeprefix("/strapi/") for volume in volumes]


def test_the_secrets_are_made_once_and_kept_from_others(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    made = make_secrets(folder)
    first = {file: file.read_text() for file in made}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "strapi.env").stat().st_mode) == 0o600
    assert {f"docker/secrets/{file.name}" for file in made} == {
        SERVICES["strapi"]["env_file"],
        COMPOSE["secrets"]["postgres_password"]["file"],
    }
    (folder / "strapi.env").unlink()
    assert make_secrets(folder) == [folder / "strapi.env"]
    password = folder / "postgres_password"
    assert password.read_text() == first[password]


def test_the_secrets_are_those_that_the_application_asks_for(tmp_path: Path) -> None:
    make_secrets(tmp_path)
    lines = (tmp_path / "strapi.env").read_text().splitlines()
    given = dict(line.split("=", 1) for line in lines)
    asked: set[str] = set()
    for file in ("admin.js", "plugins.js", "server.js"):
        text = (ROOT / "stack" / "strapi" / "config" / file).read_text()
        # A variable without a default, and not behind a question mark.
        asked |= set(re.findall(r"(?:secret|salt|Secret|encryptionKey|keys): env(?:\.array)?\('([A-Z_]+)'\)", text))
    assert set(given) == asked
    assert all(len(value) >= 32 for value in given.values())
