"""The images run what the local runner runs, and the secrets they need are created once."""

from __future__ import annotations

import ast
import json
import re
import stat
from typing import TYPE_CHECKING

import pytest

from stack.docker.make_secrets import make_secrets
from tests.unit.composed import DOCKERFILES, ROOT, SERVICES, instructions, steps

if TYPE_CHECKING:
    from pathlib import Path

BY_NAME = {file.name: file for file in DOCKERFILES}


def _words(*path: str) -> set[str]:
    """The string constants in a module of the runner."""
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
    stages = {rest.split()[2] for word, rest in found if word == "FROM" and " AS " in rest}
    assert all(re.fullmatch(r"(python|node):\d[\w.-]*", base) for base in bases if base not in stages)
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
    page, packages, *folders, project, compiled, engine = steps(BY_NAME["bridge.Dockerfile"])
    runner = _words("stack", "bootstrap.py")
    assert packages[:4] == project[:4] == ["python", "-m", "pip", "install"]
    assert packages[-2:] == ["-r", "stack/locks/run.txt"]
    assert project[-2:] == ["-e", "."]
    assert {*packages[1:-1], *project[1:-1]} <= runner
    assert page[0] == "npm"
    assert set(page[1:]) <= _words("stack", "install.py")
    copied = next(rest for word, rest in instructions(BY_NAME["bridge.Dockerfile"]) if "--from=web" in rest)
    assert {"mqtt", "dist", "mqtt.esm.js"} <= {*copied.split()[1].split("/")} & _words("stack", "servers", "web.py")
    assert copied.split()[2] == SERVICES["web"]["command"][-1]
    assert "opsci-bridge = " in (ROOT / "pyproject.toml").read_text()
    assert all(folder[:2] == ["install", "-d"] for folder in folders)
    assert compiled[:3] == ["python", "-m", "compileall"]
    assert engine == ["opsci-bridge", "run"]


def test_the_strapi_image_runs_the_runners_commands() -> None:
    install, *others, start = steps(BY_NAME["strapi.Dockerfile"])
    build = next(step[step.index("||") + 1 :] for step in others if "||" in step)
    folders = [step for step in others if step[0] == "install"]
    assert install[0] == "npm"
    assert set(install[1:]) <= _words("stack", "install.py")
    program = "node_modules/@strapi/strapi/bin/strapi.js"
    assert start == ["node", program, "start"]
    assert {*program.split("/"), "start"} <= _words("stack", "servers", "strapi.py")
    scripts = json.loads((ROOT / "stack" / "strapi" / "package.json").read_text())["scripts"]
    assert build == ["NODE_ENV=production", "node", program, scripts["build"].removeprefix("strapi ")]
    # The secrets' folders are made by the image whose service fills them.
    volumes = [
        where for volume in SERVICES["strapi"]["volumes"] if not (where := volume.split(":")[1]).startswith("/sec")
    ]
    assert [folder[-1] for folder in folders] == [volume.removeprefix("/strapi/") for volume in volumes]


def _secrets(folder: Path) -> Path:
    for name in ("database", "strapi"):
        (folder / name).mkdir()
    return folder


def test_the_secrets_are_made_once_and_kept_from_others(tmp_path: Path) -> None:
    folder = _secrets(tmp_path)
    made = make_secrets(folder)
    environment, password = folder / "strapi" / "environment", folder / "database" / "password"
    assert {file: stat.S_IMODE(file.stat().st_mode) for file in made} == {password: 0o440, environment: 0o400}
    first = {file: file.read_text() for file in made}
    # The places where the services look for them.
    assert f"--env-file=/secrets/{environment.relative_to(folder)}" in SERVICES["strapi"]["command"]
    for service, variable in (("strapi", "DATABASE_PASSWORD_FILE"), ("postgres", "POSTGRES_PASSWORD_FILE")):
        assert SERVICES[service]["environment"][variable] == f"/secrets/{password.relative_to(folder)}"
    environment.unlink()
    assert make_secrets(folder) == [environment]
    assert password.read_text() == first[password]
    assert environment.read_text() != first[environment]


def test_the_secrets_are_those_that_the_application_asks_for(tmp_path: Path) -> None:
    make_secrets(_secrets(tmp_path))
    lines = (tmp_path / "strapi" / "environment").read_text().splitlines()
    given = dict(line.split("=", 1) for line in lines)
    asked: set[str] = set()
    for file in ("admin.js", "plugins.js", "server.js"):
        text = (ROOT / "stack" / "strapi" / "config" / file).read_text()
        # A variable without a default, and not behind a question mark.
        asked |= set(re.findall(r"(?:secret|salt|Secret|encryptionKey|keys): env(?:\.array)?\('([A-Z_]+)'\)", text))
    assert set(given) == asked
    assert all(len(value) >= 32 for value in given.values())
