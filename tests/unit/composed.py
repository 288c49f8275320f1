"""The compose file and its Dockerfiles, as the tests read them."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any, Final

import yaml

__all__ = ["COMPOSE", "DOCKERFILES", "ROOT", "SCHEMA", "SERVICES", "instructions", "steps"]

ROOT: Final = Path(__file__).parents[2]

COMPOSE: Final[dict[str, Any]] = yaml.safe_load((ROOT / "stack" / "compose.yaml").read_text())
SERVICES: Final[dict[str, dict[str, Any]]] = COMPOSE["services"]
SCHEMA: Final[dict[str, Any]] = json.loads((ROOT / "tests" / "unit" / "schemas" / "compose-spec.json").read_text())
DOCKERFILES: Final = sorted((ROOT / "stack" / "docker").glob("*.Dockerfile"))


def instructions(dockerfile: Path) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile, each with its arguments as they stand."""
    found = []
    for line in dockerfile.read_text().replace("\\\n", " ").splitlines():
        if line and not line.startswith("#"):
            word, _, rest = line.partition(" ")
            found.append((word, rest.strip()))
    return found


def steps(dockerfile: Path) -> list[list[str]]:
    """The commands that a Dockerfile runs, while it is built and at its end, each as its words."""
    found: list[list[str]] = []
    for word, rest in instructions(dockerfile):
        if word == "RUN":
            found += [shlex.split(command) for command in rest.split("&&")]
        elif word == "CMD":
            found.append(json.loads(rest))
    return found
