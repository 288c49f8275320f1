"""The bill of materials: valid by CycloneDX's own schema, complete, and the same bytes each time."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import referencing
from referencing.jsonschema import DRAFT7

from stack.audit import SPDX, bill_of_materials, purl_of
from stack.dependencies import Dependency, locked
from stack.install import kafka_libs
from stack.paths import ROOT, Paths

SCHEMAS = Path(__file__).parent / "schemas"


@cache
def schema(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SCHEMAS / f"{name}.schema.json").read_text())
    return found


@cache
def bill() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(bill_of_materials())
    return found


def test_it_is_valid_by_cyclonedxs_schema() -> None:
    registry: referencing.Registry[Any] = referencing.Registry().with_resources(
        (f"http://cyclonedx.org/schema/{name}.SNAPSHOT.schema.json", DRAFT7.create_resource(schema(name)))
        for name in ("spdx", "jsf-0.82")
    )
    checker = jsonschema.Draft7Validator(schema("bom-1.6"), registry=registry)
    errors = [f"{error.json_path}: {error.message[:200]}" for error in checker.iter_errors(bill())]
    assert errors == []
    broken = {**bill(), "components": [{"type": "library"}]}
    assert not checker.is_valid(broken), "the schema would see a fault"


def test_the_same_locks_give_the_same_bytes_wherever_it_runs(tmp_path: Path) -> None:
    written = bill_of_materials()
    file = tmp_path / "sbom.json"
    again = subprocess.run(
        [sys.executable, "-S", "-m", "stack", "audit", "--sbom", file],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "7", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert again.returncode == 0, again.stderr
    assert file.read_bytes() == written
    other = bill_of_materials(locked()[:-1])
    assert json.loads(other)["serialNumber"] != bill()["serialNumber"]


def test_every_lock_stands_in_it() -> None:
    components = {one["purl"]: one for one in bill()["components"]}
    assert len(components) == len(bill()["components"]) == len(locked())
    lines = [
        line
        for lock in ("run", "record", "dev")
        for line in (ROOT / "stack" / "locks" / f"{lock}.txt").read_text().splitlines()
        if "==" in line and not line.startswith((" ", "#"))
    ]
    assert len(lines) > 60
    python = {purl for purl in components if purl.startswith("pkg:pypi/")}
    for line in lines:
        name, version = line.split(" ")[0].split("[")[0].split("==")[0], line.split("==")[1].split(" ")[0]
        assert f"pkg:pypi/{name.lower().replace('_', '-').replace('.', '-')}@{version}" in python
    assert components["pkg:npm/%40strapi/strapi@5.54.0"]["group"] == "@strapi"
    kafka = components["pkg:maven/org.apache.kafka/kafka_2.13@4.1.1?type=jar"]
    assert (kafka["group"], kafka["name"], kafka["scope"]) == ("org.apache.kafka", "kafka_2.13", "required")
    assert all(one["hashes"] for one in components.values())
    licensed = sum("licenses" in one for one in components.values())
    assert licensed > 0.98 * len(components)


def test_a_package_of_several_locks_counts_as_what_needs_it_most() -> None:
    found = {(one.ecosystem, one.name): one for one in locked()}
    assert found["PyPI", "httpx"].lock == "stack/locks/dev.txt, stack/locks/record.txt, stack/locks/run.txt"
    assert found["PyPI", "httpx"].scope == "required"
    assert found["PyPI", "pytest"].scope == "excluded"
    assert {one.scope for one in locked()} == {"required", "optional", "excluded"}


def test_our_spdx_identifiers_are_spdxs() -> None:
    assert set(schema("spdx")["enum"]) >= SPDX


@pytest.mark.parametrize(
    ("one", "purl"),
    [
        (Dependency("PyPI", "typing_extensions", "4.0+x", ""), "pkg:pypi/typing-extensions@4.0%2Bx"),
        (Dependency("npm", "@a/b", "1.0.0-rc.1", ""), "pkg:npm/%40a/b@1.0.0-rc.1"),
        (Dependency("Maven", "org.x:y_2.13", "1", ""), "pkg:maven/org.x/y_2.13@1?type=jar"),
    ],
)
def test_package_urls(one: Dependency, purl: str) -> None:
    assert purl_of(one) == purl


def test_the_noted_jars_are_those_that_are_downloaded() -> None:
    jars = sorted(kafka_libs(Paths.of()).glob("*.jar"))
    if not jars:
        pytest.skip("no jars were downloaded on this machine")
    noted = {one.hashes[0][1] for one in locked() if one.ecosystem == "Maven"}
    assert noted == {hashlib.sha256(jar.read_bytes()).hexdigest() for jar in jars}, (
        "run `python3 -m stack audit --resolve`"
    )
