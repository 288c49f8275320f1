"""The compose file and its Dockerfiles, parsed for the tests."""

from __future__ import annotations

import ast
import importlib
import json
import re
import shlex
from pathlib import Path
from typing import Any, Final

import yaml

__all__ = ["COMPOSE", "DOCKERFILES", "ROOT", "SCHEMA", "SERVICES", "instructions", "missing_imports", "steps"]

ROOT: Final = Path(__file__).parents[2]

COMPOSE: Final[dict[str, Any]] = yaml.safe_load((ROOT / "stack" / "compose.yaml").read_text())
SERVICES: Final[dict[str, dict[str, Any]]] = COMPOSE["services"]
SCHEMA: Final[dict[str, Any]] = json.loads((ROOT / "tests" / "unit" / "schemas" / "compose-spec.json").read_text())
DOCKERFILES: Final = sorted((ROOT / "stack" / "docker").glob("*.Dockerfile"))


def instructions(dockerfile: Path) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile, each with its arguments; without build arguments."""
    found = []
    defaults: dict[str, str] = {}
    for line in dockerfile.read_text().replace("\\\n", " ").splitlines():
        if line and not line.startswith("#"):
            word, _, rest = line.partition(" ")
            if word == "ARG":
                name, _, value = rest.strip().partition("=")
                defaults[f"${{{name}}}"] = value
            elif word == "FROM":
                rest = re.sub(r"\$\{\w+\}", lambda named: defaults[named[0]], rest)
            found.append((word, rest.strip()))
    return found


def steps(dockerfile: Path) -> list[list[str]]:
    """The commands that a Dockerfile runs, during the build and at its end, each split into words."""
    found: list[list[str]] = []
    for word, rest in instructions(dockerfile):
        if word == "RUN":
            found += [shlex.split(command) for command in rest.split("&&")]
        elif word == "CMD":
            found.append(json.loads(rest))
    return found


def missing_imports(program: str) -> list[str]:
    """The names that a Python program imports from our modules and that do not exist there."""
    missing = []
    for statement in ast.walk(ast.parse(program)):
        if isinstance(statement, ast.ImportFrom) and statement.module:
            module = importlib.import_module(statement.module)
            missing += [name.name for name in statement.names if not hasattr(module, name.name)]
    return missing
