"""Every package in the locks, with its hashes, its licence, and what it is for.

What the locks lack is in `stack/locks/resolved.json`: the jars that Kafka's pom.xml includes, and the licences of
Python packages. `python3 -m stack audit --resolve` writes it. Standard library only.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from importlib import metadata
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from xml.etree import ElementTree

from stack.errors import StackError
from stack.install import APPLICATION, PAGE, POM, kafka_libs
from stack.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from stack.paths import Paths

__all__ = ["RESOLVED", "Dependency", "ResolutionError", "locked", "resolve"]

LOCKS: Final = ROOT / "stack" / "locks"
RESOLVED: Final = LOCKS / "resolved.json"
"""What the locks lack."""

_SPACES: Final = {"m": "http://maven.apache.org/POM/4.0.0"}
_SCOPES: Final = ("required", "optional", "excluded")
"""CycloneDX's words for what runs, what extends it (films), and what only tests it, by precedence."""

_CLASSIFIED: Final = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD License",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}


class ResolutionError(StackError):
    """What the locks lack can't be found, or is for other versions; the text says what to do."""


class Dependency(NamedTuple):
    """One locked package.

    Attributes:
        ecosystem: `PyPI`, `npm` or `Maven`, as in OSV.
        name: its name there; for a jar `group:artifact`.
        version: the locked one.
        lock: the lock file, relative to the repository; several are separated by commas.
        scope: `required`, `optional` or `excluded`.
        hashes: CycloneDX's name of the algorithm and the hexadecimal digest of each file that the lock allows.
        licence: in its makers' words, empty if it is not known.
    """

    ecosystem: str
    name: str
    version: str
    lock: str
    scope: str = "required"
    hashes: tuple[tuple[str, str], ...] = ()
    licence: str = ""


def locked() -> list[Dependency]:
    """List everything in the locks, for running and for tests; each package and version once.

    Raises:
        ResolutionError: `resolved.json` is for another Kafka than pom.xml.
    """
    resolved = json.loads(RESOLVED.read_text())
    found: dict[tuple[str, str, str], Dependency] = {}
    for one in [
        *_of_pip(LOCKS / "run.txt", "required", resolved["licences"]),
        *_of_pip(LOCKS / "record.txt", "optional", resolved["licences"]),
        *_of_pip(LOCKS / "dev.txt", "excluded", resolved["licences"]),
        *_of_npm(APPLICATION / "package-lock.json"),
        *_of_npm(PAGE / "package-lock.json"),
        *_of_maven(resolved["jars"]),
    ]:
        key = one.ecosystem, one.name, one.version
        found[key] = _joined(found[key], one) if key in found else one
    return sorted(found.values())


def resolve(paths: Paths) -> int:
    """Rewrite `resolved.json` from the jars in the cache and the packages of this Python.

    Args:
        paths: with the cache.

    Returns:
        How many jars and licences it contains.

    Raises:
        ResolutionError: the cache has no jars yet.
    """
    libs = kafka_libs(paths)
    jars = sorted(libs.glob("*.jar"))
    if not jars:
        raise ResolutionError(f"there are no jars in {libs}: `python3 -m stack up` downloads them")
    repository = paths.cache / "maven"
    found = [_jar(jar, repository) for jar in jars]
    licences = {
        name: licence
        for name in sorted({one.name for lock in LOCKS.glob("*.txt") for one in _of_pip(lock, "required", {})})
        if (licence := _licence_of(name))
    }
    RESOLVED.write_text(json.dumps({"jars": found, "licences": licences}, indent=1, sort_keys=True) + "\n")
    return len(found) + len(licences)


def _joined(one: Dependency, other: Dependency) -> Dependency:
    scope = min(one.scope, other.scope, key=_SCOPES.index)
    locks = ", ".join(sorted({*one.lock.split(", "), *other.lock.split(", ")}))
    hashes = tuple(sorted({*one.hashes, *other.hashes}))
    return one._replace(lock=locks, scope=scope, hashes=hashes, licence=one.licence or other.licence)


def _from_the_top(lock: Path) -> str:
    return str(lock.relative_to(ROOT))


def _of_pip(lock: Path, scope: str, licences: dict[str, str]) -> Iterator[Dependency]:
    for block in re.split(r"\n(?=\S)", lock.read_text()):
        if found := re.match(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;\\]+)", block):
            hashes = tuple(("SHA-256", digest) for digest in sorted(re.findall(r"--hash=sha256:([0-9a-f]{64})", block)))
            name = found[1].lower()
            yield Dependency("PyPI", name, found[2], _from_the_top(lock), scope, hashes, licences.get(name, ""))


def _of_npm(lock: Path) -> Iterator[Dependency]:
    for place, package in json.loads(lock.read_text())["packages"].items():
        if place and "version" in package and not package.get("link") and not package.get("dev"):
            name = package.get("name") or place.rpartition("node_modules/")[2]
            scope = "optional" if package.get("optional") else "required"
            hashes = tuple(_integrity(package.get("integrity", "")))
            licence = package.get("license", "")
            yield Dependency(
                "npm",
                name,
                package["version"],
                _from_the_top(lock),
                scope,
                hashes,
                licence if isinstance(licence, str) else "",
            )


def _integrity(text: str) -> Iterator[tuple[str, str]]:
    """The hashes in a Subresource Integrity text (W3C), `sha512-BASE64`."""
    for part in text.split():
        algorithm, _, digest = part.partition("-")
        if algorithm in {"sha1", "sha256", "sha384", "sha512"}:
            yield algorithm.upper().replace("SHA", "SHA-"), base64.b64decode(digest).hex()


def _of_maven(jars: Iterable[dict[str, Any]]) -> Iterator[Dependency]:
    found = [
        Dependency(
            "Maven",
            f"{jar['group']}:{jar['artifact']}",
            jar["version"],
            _from_the_top(POM),
            "required",
            (("SHA-256", jar["sha256"]),),
            jar["licence"],
        )
        for jar in jars
    ]
    known = {(one.name, one.version) for one in found}
    for name, version in _named_by(POM):
        if (name, version) not in known:
            raise ResolutionError(
                f"{_from_the_top(RESOLVED)} has no {name} {version}, which {_from_the_top(POM)} names: "
                "run `python3 -m stack audit --resolve` once its jars are downloaded"
            )
    yield from found


def _named_by(pom: Path) -> Iterator[tuple[str, str]]:
    tree = ElementTree.parse(pom)  # noqa: S314 -- a file of our own
    properties = {node.tag.rpartition("}")[2]: node.text or "" for node in tree.iterfind("m:properties/*", _SPACES)}
    for node in tree.iterfind("m:dependencies/m:dependency", _SPACES):
        group, artifact, version = (
            node.findtext(f"m:{part}", "", _SPACES) for part in ("groupId", "artifactId", "version")
        )
        yield f"{group}:{artifact}", re.sub(r"\$\{([^}]+)\}", lambda found: properties.get(found[1], found[0]), version)


def _jar(jar: Path, repository: Path) -> dict[str, str]:
    """Find the coordinates of a jar by its path in Maven's repository: group/artifact/version/file."""
    for twin in sorted(repository.rglob(jar.name)):
        version, artifact = twin.parent.name, twin.parent.parent.name
        group = ".".join(twin.parent.parent.parent.relative_to(repository).parts)
        if twin.read_bytes() == jar.read_bytes():
            licences = _licences(repository, group, artifact, version)
            digest = hashlib.sha256(jar.read_bytes()).hexdigest()
            return {"group": group, "artifact": artifact, "version": version, "sha256": digest, "licence": licences}
    raise ResolutionError(f"{jar} stands in no place of {repository}, which would name it; remove both and run `up`")


def _licences(repository: Path, group: str, artifact: str, version: str) -> str:
    """The licences in a jar's POM, or in that of its parent, and so on."""
    file = repository.joinpath(*group.split("."), artifact, version, f"{artifact}-{version}.pom")
    if not file.is_file():
        return ""
    root = ElementTree.parse(file).getroot()  # noqa: S314 -- Maven checked it against the repository's checksum
    space = root.tag.partition("}")[0] + "}" if root.tag.startswith("{") else ""
    names = [node.findtext(f"{space}name", "").strip() for node in root.iterfind(f"{space}licenses/{space}license")]
    if names := [name for name in names if name]:
        return "; ".join(names)
    parent = root.find(f"{space}parent")
    if parent is None:
        return ""
    coordinates = [parent.findtext(f"{space}{part}", "").strip() for part in ("groupId", "artifactId", "version")]
    return _licences(repository, *coordinates)


def _licence_of(name: str) -> str:
    try:
        told = metadata.metadata(name).json
    except metadata.PackageNotFoundError:
        return ""
    if expression := told.get("license_expression"):
        return str(expression)
    classified = [line.rpartition(" :: ")[2] for line in told.get("classifier", ()) if "License ::" in line]
    if classified := [one for one in classified if one != "OSI Approved"]:
        return "; ".join(_CLASSIFIED.get(one, one) for one in classified)
    text = str(told.get("license") or "").strip()
    return text if text and "\n" not in text and len(text) <= 80 else ""
