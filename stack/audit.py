"""`audit`: known vulnerabilities of every locked dependency, and the bill of materials that lists them.

It looks them up in OSV's database, which has PyPI's, npm's and Maven's advisories; if that can't be reached, it uses
the committed snapshot, and prints its age. Standard library only: an installed checker would be one more thing to
check.

The bill of materials (`--sbom`) lists everything in the locks as CycloneDX 1.6 (ECMA-424) in JSON. It is made only from
files of the repository, so the same locks give the same bytes: it contains no time, and its serial number is derived
from its content.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
import uuid
from datetime import UTC, datetime
from importlib import metadata
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from stack.advisories import (
    DATABASE,
    SNAPSHOT,
    DatabaseError,
    asked_of,
    ecosystems_of,
    from_database,
    from_folder,
    named,
    read_snapshot,
    write_snapshot,
)
from stack.dependencies import locked
from stack.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

    from stack.advisories import Answers
    from stack.dependencies import Dependency

__all__ = ["DAYS", "SPDX", "audit", "bill_of_materials", "purl_of", "refresh", "write_bill_of_materials"]


SPDX: Final = frozenset(
    {
        *(
            "0BSD",
            "AFL-2.1",
            "Apache-2.0",
            "BlueOak-1.0.0",
            "BSD-2-Clause",
            "BSD-3-Clause",
            "CC0-1.0",
            "CC-BY-3.0",
            "CC-BY-4.0",
        ),
        *(
            "EPL-1.0",
            "EPL-2.0",
            "GPL-2.0-only",
            "GPL-3.0-only",
            "GPL-3.0-or-later",
            "ISC",
            "LGPL-2.1-only",
            "LGPL-3.0-only",
        ),
        *(
            "LGPL-3.0-or-later",
            "MIT",
            "MIT-0",
            "MIT-CMU",
            "MPL-2.0",
            "PSF-2.0",
            "Python-2.0",
            "Unlicense",
            "WTFPL",
            "Zlib",
        ),
    }
)
"""The SPDX identifiers that our locks use; other licences are given in their makers' words."""

_NAMESPACE: Final = uuid.UUID("6f707363-6900-5000-8000-73626f6d0000")
_WORD: Final = re.compile(r"[A-Za-z0-9.+-]+")
_JOINING: Final = frozenset({"AND", "OR", "WITH"})

DAYS: Final = 30
"""The age in days beyond which a snapshot is not relied on."""


def bill_of_materials(dependencies: Sequence[Dependency] | None = None) -> bytes:
    """Create the bill of materials.

    Args:
        dependencies: to list; everything locked by default.

    Returns:
        UTF-8, one JSON object.

    Raises:
        ResolutionError: `resolved.json` is for another Kafka than pom.xml.
    """
    components = [_component(one) for one in (locked() if dependencies is None else dependencies)]
    root = _ourselves()
    body: dict[str, Any] = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "lifecycles": [{"phase": "pre-build"}],
            "tools": {"components": [{"type": "application", "name": "python3 -m stack audit --sbom"}]},
            "component": root,
        },
        "components": components,
        "dependencies": [
            {"ref": root["bom-ref"], "dependsOn": sorted(one["bom-ref"] for one in components)},
        ],
        # Only our own dependencies are listed, not those between the components.
        "compositions": [{"aggregate": "incomplete", "dependencies": [root["bom-ref"]]}],
    }
    serial = uuid.uuid5(_NAMESPACE, json.dumps(body, sort_keys=True))
    return (json.dumps({**body, "serialNumber": f"urn:uuid:{serial}"}, indent=1, sort_keys=True) + "\n").encode()


def purl_of(one: Dependency) -> str:
    """The package URL (ECMA-427) of a dependency."""
    if one.ecosystem == "Maven":
        group, artifact = one.name.split(":")
        return f"pkg:maven/{quote(group)}/{quote(artifact)}@{quote(one.version)}?type=jar"
    if one.ecosystem == "npm":
        return f"pkg:npm/{quote(one.name)}@{quote(one.version)}"
    return f"pkg:pypi/{quote(re.sub(r'[-_.]+', '-', one.name).lower())}@{quote(one.version)}"


def _ourselves() -> dict[str, Any]:
    file = ROOT / "pyproject.toml"
    if file.is_file():
        project = tomllib.loads(file.read_text())["project"]
        version, about, licence = project["version"], project["description"], project["license"]
    else:
        told = metadata.metadata("opsci").json
        version, about, licence = (str(told[key]) for key in ("version", "summary", "license_expression"))
    return {
        "type": "application",
        "bom-ref": f"opsci@{version}",
        "name": "opsci",
        "version": version,
        "description": about,
        "licenses": _licences(licence),
    }


def _component(one: Dependency) -> dict[str, Any]:
    group, _, name = one.name.rpartition(":" if one.ecosystem == "Maven" else "/")
    purl = purl_of(one)
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": one.version,
        "scope": one.scope,
        "purl": purl,
        # One for each file of this release that the lock allows.
        "hashes": [{"alg": algorithm, "content": digest} for algorithm, digest in one.hashes],
        "properties": [{"name": "opsci:lock", "value": lock} for lock in one.lock.split(", ")],
    }
    if group:
        component["group"] = group
    if one.licence:
        component["licenses"] = _licences(one.licence)
    return component


def _licences(text: str) -> list[dict[str, Any]]:
    """A licence for CycloneDX: an SPDX identifier, an SPDX expression, or names."""
    if text in SPDX:
        return [{"license": {"id": text}}]
    words = _WORD.findall(text)
    if _JOINING & set(words) and set(words) <= SPDX | _JOINING and ";" not in text:
        return [{"expression": text}]
    return [
        {"license": {"id": name} if name in SPDX else {"name": name}}
        for name in (part.strip() for part in text.split(";"))
    ]


def audit(
    database: str = DATABASE, *, snapshot: Path = SNAPSHOT, today: date | None = None, most_days: int = DAYS
) -> int:
    """Print the known vulnerabilities of the locked dependencies.

    Args:
        database: the address of an OSV database.
        snapshot: the file that is read if the database does not answer.
        today: the day by which the snapshot's age is calculated; today by default.
        most_days: the age beyond which the snapshot is not relied on.

    Returns:
        The exit code: 0 none is known, 1 some are, 2 not all packages could be checked, or only by a snapshot that is
        too old.
    """
    dependencies = locked()
    locks = sorted({lock for one in dependencies for lock in one.lock.split(", ")})
    print(f"{len(dependencies):,} locked packages of {', '.join(locks)}")
    try:
        answers = from_database(dependencies, database)
    except DatabaseError as error:
        print(f"{error}. What the committed snapshot says:")
        answers = read_snapshot(snapshot)
    whole = _tell_checked(dependencies, answers, today or datetime.now(UTC).date(), most_days)
    found = _tell_known(dependencies, answers)
    if found:
        print(f"{found} packages with known vulnerabilities; https://osv.dev/vulnerability/ID tells of each")
        return 1
    print(
        "no known vulnerabilities" if whole else "nothing is known against what was checked; the rest was NOT CHECKED"
    )
    return 0 if whole else 2


def refresh(folder: Path | None, source: str, *, database: str = DATABASE, snapshot: Path = SNAPSHOT) -> int:
    """Rewrite the snapshot.

    Args:
        folder: records in OSV's format; None uses the database.
        source: the name of the folder's content, for the user; the folder's name by default.
        database: the address of an OSV database.
        snapshot: the file.

    Returns:
        The exit code: 0.

    Raises:
        DatabaseError: the source does not answer; the snapshot is left as it is.
    """
    dependencies = locked()
    if folder is None:
        answers = from_database(dependencies, database)
    else:
        answers = from_folder(dependencies, folder, source or folder.name)
    write_snapshot(answers, snapshot)
    for one in answers:
        print(
            f"{one.ecosystem}: {len(one.asked):,} packages against {one.source} as of {one.as_of}, {len(one.known)} "
            "with known vulnerabilities"
        )
    return 0


def write_bill_of_materials(file: Path | None) -> int:
    """Write the bill of materials to a file, or to standard output where none is given.

    Returns:
        The exit code: 0.
    """
    written = bill_of_materials()
    if file is None:
        sys.stdout.buffer.write(written)
        sys.stdout.flush()
    else:
        file.write_bytes(written)
        print(f"{file}: {len(written):,} bytes, CycloneDX 1.6")
    return 0


def _tell_checked(dependencies: Sequence[Dependency], answers: Sequence[Answers], today: date, most: int) -> bool:
    """Print which packages were checked against which source; return whether all were, by recent answers."""
    whole = True
    by_ecosystem = {one.ecosystem: one for one in answers}
    for ecosystem in ecosystems_of(dependencies):
        wanted = asked_of(dependencies, ecosystem)
        one = by_ecosystem.get(ecosystem)
        if one is None:
            whole = False
            print(f"{ecosystem}: {len(wanted):,} packages NOT CHECKED: there are no advisories of it here")
            continue
        age = one.days_old(today)
        old = age > most
        said = f"{ecosystem}: {len(wanted & one.asked):,} packages checked against {one.source} as of {one.as_of}"
        print(f"{said}, {age:,} days ago" if age else said)
        if old:
            print(
                f"{ecosystem}: WARNING: older than {most} days; what was found since, and later releases, it can't know"
            )
        if left := wanted - one.asked:
            print(f"{ecosystem}: {len(left):,} packages NOT CHECKED: locked since: {', '.join(sorted(left)[:5])}")
        whole &= not old and not left
    return whole


def _tell_known(dependencies: Sequence[Dependency], answers: Sequence[Answers]) -> int:
    found = 0
    known = {(one.ecosystem, name): told for one in answers for name, told in one.known.items()}
    for one in dependencies:
        if identifiers := known.get((one.ecosystem, named(one))):
            found += 1
            print(f"{one.ecosystem:<6} {one.name} {one.version} ({one.lock}): {', '.join(identifiers)}")
    return found
