"""`audit`: ask OSV's database, which holds PyPI's, npm's and Maven's advisories, about every locked dependency.

Standard library only: a checker that is itself installed from somewhere would be one more thing to check.
"""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from xml.etree import ElementTree

from stack.needs import APPLICATION, PAGE, POM
from stack.places import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = ["DatabaseError", "Dependency", "audit", "known_vulnerabilities", "locked"]

DATABASE: Final = "https://api.osv.dev"
"""The public database; what is sent to it are names and versions of open-source packages."""

_AT_ONCE: Final = 500
_SECONDS: Final = 30.0


class DatabaseError(Exception):
    """The database can't be asked; the text says why."""


class Dependency(NamedTuple):
    """One locked package.

    Attributes:
        ecosystem: `PyPI`, `npm` or `Maven`, as OSV calls them.
        name: its name there.
        version: the locked one.
        lock: the lock file, from the top of the repository.
    """

    ecosystem: str
    name: str
    version: str
    lock: str


def locked() -> list[Dependency]:
    """Everything that the locks name: what runs, and what the tests need; each package and version once."""
    found = {
        (one.ecosystem, one.name, one.version): one
        for one in [
            *_of_maven(POM),
            *_of_npm(PAGE / "package-lock.json"),
            *_of_npm(APPLICATION / "package-lock.json"),
            *_of_pip(ROOT / "stack" / "locks" / "dev.txt"),
            *_of_pip(ROOT / "stack" / "locks" / "run.txt"),
        ]
    }
    return sorted(found.values())


def known_vulnerabilities(dependencies: Sequence[Dependency], database: str = DATABASE) -> dict[Dependency, list[str]]:
    """Ask what is known.

    Args:
        dependencies: which packages.
        database: where an OSV database answers.

    Returns:
        The identifiers of the vulnerabilities of each that has some.

    Raises:
        DatabaseError: it can't be reached, or answers otherwise than OSV does.
    """
    found: dict[Dependency, list[str]] = {}
    for start in range(0, len(dependencies), _AT_ONCE):
        asked = dependencies[start : start + _AT_ONCE]
        for one, result in zip(asked, _ask(database, asked), strict=True):
            if identifiers := [str(vulnerability["id"]) for vulnerability in result.get("vulns", ())]:
                found[one] = identifiers
    return found


def audit(database: str = DATABASE) -> int:
    """Print what is known of the locked dependencies.

    Args:
        database: where an OSV database answers.

    Returns:
        The exit code: 0 nothing is known, 1 something is, 2 the database could not be asked.
    """
    dependencies = locked()
    locks = sorted({one.lock for one in dependencies})
    print(f"{len(dependencies):,} locked packages of {', '.join(locks)}")
    try:
        found = known_vulnerabilities(dependencies, database)
    except DatabaseError as error:
        print(f"NOT CHECKED: {error}. Nothing is said about these packages; try where {database} can be reached.")
        return 2
    for one, identifiers in found.items():
        print(f"{one.ecosystem:<6} {one.name} {one.version} ({one.lock}): {', '.join(identifiers)}")
    if found:
        print(f"{len(found)} packages with known vulnerabilities; https://osv.dev/vulnerability/ID tells of each")
        return 1
    print("no known vulnerabilities")
    return 0


def _ask(database: str, dependencies: Sequence[Dependency]) -> list[dict[str, Any]]:
    queries = [
        {"package": {"name": one.name, "ecosystem": one.ecosystem}, "version": one.version} for one in dependencies
    ]
    request = urllib.request.Request(  # noqa: S310 -- the address is ours or a test's
        f"{database}/v1/querybatch",
        json.dumps({"queries": queries}).encode(),
        {"Content-Type": "application/json", "User-Agent": "opsci-audit"},
    )
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
            results: list[dict[str, Any]] = json.load(answer)["results"]
    except urllib.error.HTTPError as error:
        raise DatabaseError(f"the database at {database} answers {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        raise DatabaseError(f"the database at {database} can't be reached: {error.reason}") from error
    except OSError as error:
        raise DatabaseError(f"the database at {database} does not answer: {error}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise DatabaseError(f"what answers at {database} is no OSV database") from error
    if len(results) != len(queries):
        raise DatabaseError(f"what answers at {database} left something out")
    return results


def _from_the_top(lock: Path) -> str:
    return str(lock.relative_to(ROOT))


def _of_pip(lock: Path) -> Iterator[Dependency]:
    for line in lock.read_text().splitlines():
        if found := re.match(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;\\]+)", line):
            yield Dependency("PyPI", found[1].lower(), found[2], _from_the_top(lock))


def _of_npm(lock: Path) -> Iterator[Dependency]:
    for place, package in json.loads(lock.read_text())["packages"].items():
        if place and "version" in package and not package.get("link") and not package.get("dev"):
            name = package.get("name") or place.rpartition("node_modules/")[2]
            yield Dependency("npm", name, package["version"], _from_the_top(lock))


def _of_maven(pom: Path) -> Iterator[Dependency]:
    """What the file itself names; what that brings along is its makers' choice, and of the same release."""
    tree = ElementTree.parse(pom)  # noqa: S314 -- a file of our own
    spaces = {"m": "http://maven.apache.org/POM/4.0.0"}
    properties = {node.tag.rpartition("}")[2]: node.text or "" for node in tree.iterfind("m:properties/*", spaces)}
    for node in tree.iterfind("m:dependencies/m:dependency", spaces):
        group, artifact, version = (
            node.findtext(f"m:{part}", "", spaces) for part in ("groupId", "artifactId", "version")
        )
        version = re.sub(r"\$\{([^}]+)\}", lambda found: properties.get(found[1], found[0]), version)
        yield Dependency("Maven", f"{group}:{artifact}", version, _from_the_top(pom))
