"""Known vulnerabilities of locked packages, from OSV's database or the committed, dated snapshot.

The snapshot, `stack/locks/advisories.json`, has answers for exact versions: a package that was locked later is not in
it, and counts as not checked. `audit --refresh` creates it, from the database or from a folder of records in OSV's
format.
"""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from stack.dependencies import LOCKS
from stack.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from stack.dependencies import Dependency

__all__ = [
    "DATABASE",
    "SNAPSHOT",
    "Answers",
    "DatabaseError",
    "from_database",
    "from_folder",
    "read_snapshot",
    "write_snapshot",
]

DATABASE: Final = "https://api.osv.dev"
"""The public database; it receives names and versions of open-source packages."""

SNAPSHOT: Final = LOCKS / "advisories.json"
"""The committed answers."""

_AT_ONCE: Final = 500
_SECONDS: Final = 30.0
_SEMVER: Final = re.compile(r"(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+.*)?")


class DatabaseError(StackError):
    """The database does not answer, or the folder can't be read; the text says why."""


class Answers(NamedTuple):
    """The answers of a source of advisories for the packages of one ecosystem.

    Attributes:
        ecosystem: `PyPI`, `npm` or `Maven`.
        source: its name, for the user.
        as_of: the day up to which the source has advisories.
        asked: the packages that were looked up, `name version`.
        known: those with known vulnerabilities, with the identifiers.
    """

    ecosystem: str
    source: str
    as_of: date
    asked: frozenset[str]
    known: dict[str, list[str]]

    def days_old(self, today: date) -> int:
        """The age of the answers in days."""
        return (today - self.as_of).days


def named(one: Dependency) -> str:
    """The name of a package in answers."""
    return f"{one.name} {one.version}"


def from_database(dependencies: Sequence[Dependency], database: str = DATABASE) -> list[Answers]:
    """Look packages up in a database.

    Args:
        dependencies: the packages.
        database: the address of an OSV database.

    Returns:
        Its answers, one entry for each ecosystem.

    Raises:
        DatabaseError: it can't be reached, or does not answer as OSV does.
    """
    known: dict[str, dict[str, list[str]]] = {}
    for start in range(0, len(dependencies), _AT_ONCE):
        asked = dependencies[start : start + _AT_ONCE]
        for one, result in zip(asked, _ask(database, asked), strict=True):
            if identifiers := [str(vulnerability["id"]) for vulnerability in result.get("vulns") or ()]:
                known.setdefault(one.ecosystem, {})[named(one)] = identifiers
    today = datetime.now(UTC).date()
    return [
        Answers(ecosystem, f"OSV ({database})", today, asked_of(dependencies, ecosystem), known.get(ecosystem, {}))
        for ecosystem in ecosystems_of(dependencies)
    ]


def from_folder(dependencies: Sequence[Dependency], folder: Path, source: str) -> list[Answers]:
    """Look packages up in records of OSV's format: a clone of an advisory database, or an export of OSV's.

    Args:
        dependencies: the packages. Only versions of PyPI's and npm's can be ordered; others are left out.
        folder: JSON or YAML files, at any depth.
        source: its name, for the user.

    Returns:
        The answers, one entry for each ecosystem with records in the folder, as of its newest record.

    Raises:
        DatabaseError: the folder has no records, or a library that reads them is missing.
    """
    wanted = {(one.ecosystem, _normal(one.ecosystem, one.name)): one for one in dependencies}
    versions = _orders()
    newest: dict[str, str] = {}
    known: dict[str, dict[str, list[str]]] = {}
    for record in _records(folder):
        for affected in record.get("affected") or ():
            package = affected.get("package") or {}
            ecosystem = str(package.get("ecosystem"))
            if ecosystem not in versions:
                continue
            newest[ecosystem] = max(newest.get(ecosystem, ""), str(record["modified"])[:10])
            one = wanted.get((ecosystem, _normal(ecosystem, str(package.get("name")))))
            if one is None or record.get("withdrawn") or not _affects(affected, one.version, versions[ecosystem]):
                continue
            identifiers = known.setdefault(ecosystem, {}).setdefault(named(one), [])
            if record["id"] not in identifiers:
                identifiers.append(record["id"])
    if not newest:
        raise DatabaseError(f"{folder} holds no records of advisories in OSV's format")
    return [
        Answers(
            ecosystem,
            source,
            date.fromisoformat(day),
            asked_of(dependencies, ecosystem),
            {name: sorted(found) for name, found in known.get(ecosystem, {}).items()},
        )
        for ecosystem, day in sorted(newest.items())
    ]


def asked_of(dependencies: Iterable[Dependency], ecosystem: str) -> frozenset[str]:
    """The packages of an ecosystem, as named in answers."""
    return frozenset(named(one) for one in dependencies if one.ecosystem == ecosystem)


def ecosystems_of(dependencies: Iterable[Dependency]) -> list[str]:
    """The ecosystems of some packages."""
    return sorted({one.ecosystem for one in dependencies})


def read_snapshot(file: Path = SNAPSHOT) -> list[Answers]:
    """Read the committed answers; empty if there is no such file.

    Raises:
        DatabaseError: it is damaged.
    """
    if not file.is_file():
        return []
    try:
        return [
            Answers(
                ecosystem,
                entry["source"],
                date.fromisoformat(entry["as_of"]),
                frozenset(entry["asked"]),
                {name: list(found) for name, found in entry["known"].items()},
            )
            for ecosystem, entry in sorted(json.loads(file.read_text()).items())
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DatabaseError(f"the snapshot {file} is damaged: {error!r}") from error


def write_snapshot(answers: Iterable[Answers], file: Path = SNAPSHOT) -> None:
    """Store answers; those for other ecosystems are kept."""
    kept = {one.ecosystem: one for one in [*read_snapshot(file), *answers]}
    document = {
        ecosystem: {
            "source": one.source,
            "as_of": one.as_of.isoformat(),
            "asked": sorted(one.asked),
            "known": dict(sorted(one.known.items())),
        }
        for ecosystem, one in sorted(kept.items())
    }
    file.write_text(json.dumps(document, indent=1) + "\n")


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


def _records(folder: Path) -> Iterator[dict[str, Any]]:
    for file in sorted(folder.rglob("*")):
        if file.suffix == ".json":
            found = json.loads(file.read_bytes())
        elif file.suffix in {".yaml", ".yml"}:
            found = _yaml()(file.read_bytes())
        else:
            continue
        if isinstance(found, dict) and "affected" in found and "modified" in found:
            yield found


def _yaml() -> Callable[[bytes], Any]:
    try:
        import yaml  # noqa: PLC0415 -- only for a folder that has such files
    except ImportError:
        msg = "the folder has YAML files: run this with the Python of the tests, which has PyYAML"
        raise DatabaseError(msg) from None
    # The same as `yaml.safe_load`, but in C if available: otherwise some thousand records take a minute.
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return lambda text: yaml.load(text, Loader=loader)  # noqa: S506


def _orders() -> dict[str, Callable[[str], Any]]:
    """By ecosystem, a function that converts a version to a sortable key, or to None if it is invalid."""
    try:
        from packaging.version import InvalidVersion, Version  # noqa: PLC0415 -- as above
    except ImportError:
        msg = "a folder is looked up with the Python of the tests, which has the library packaging"
        raise DatabaseError(msg) from None

    def of_pypi(text: str) -> Any:
        try:
            return Version(text)
        except InvalidVersion:
            return None

    return {"PyPI": of_pypi, "npm": semver}


def semver(text: str) -> tuple[object, ...] | None:
    """A key that sorts versions as in SemVer 2.0.0 section 11; None if it is not one."""
    found = _SEMVER.fullmatch("0.0.0" if text == "0" else text)
    if found is None:
        return None
    # A number sorts before a text, and a version after its release candidates.
    parts = [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in (found[4] or "").split(".") if part]
    return int(found[1]), int(found[2]), int(found[3]), found[4] is None, tuple(parts)


def _affects(affected: dict[str, Any], version: str, order: Callable[[str], Any]) -> bool:
    """Whether a version is affected, evaluated as OSV's format says; True if it can't be compared."""
    if version in map(str, affected.get("versions") or ()):
        return True
    at = order(version)
    for span in affected.get("ranges") or ():
        if span.get("type") not in {"ECOSYSTEM", "SEMVER"}:
            continue
        events = [(kind, order(str(when))) for event in span.get("events") or () for kind, when in event.items()]
        if at is None or any(when is None for _, when in events):
            return True
        inside = False
        for kind, when in sorted(events, key=lambda event: event[1]):
            if kind == "introduced" and when <= at:
                inside = True
            elif (kind == "fixed" and when <= at) or (kind == "last_affected" and when < at):
                inside = False
        if inside:
            return True
    return False


def _normal(ecosystem: str, name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower() if ecosystem == "PyPI" else name
