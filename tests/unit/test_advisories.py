"""The snapshot of advisories: look-ups in records, its use without the database, and its age."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stack.advisories import (
    SNAPSHOT,
    Answers,
    DatabaseError,
    asked_of,
    from_folder,
    read_snapshot,
    semver,
    write_snapshot,
)
from stack.audit import audit, refresh
from stack.dependencies import Dependency, locked

if TYPE_CHECKING:
    from pathlib import Path

NOWHERE = "http://127.0.0.1:1"
DAY = date(2026, 11, 27)


def record(ecosystem: str, name: str, *events: dict[str, str], **more: Any) -> dict[str, Any]:
    kind = "SEMVER" if ecosystem == "npm" else "ECOSYSTEM"
    affected = {"package": {"ecosystem": ecosystem, "name": name}, "ranges": [{"type": kind, "events": [*events]}]}
    affected |= {key: more.pop(key) for key in ("versions",) if key in more}
    return {"id": "X-1", "modified": "2026-11-20T01:02:03Z", "affected": [affected], **more}


def known(tmp_path: Path, dependency: Dependency, *records: dict[str, Any]) -> list[str]:
    for number, one in enumerate(records):
        (tmp_path / f"{number}.json").write_text(json.dumps(one))
    (answers,) = from_folder([dependency], tmp_path, "a test")
    assert (answers.asked, answers.as_of) == (asked_of([dependency], dependency.ecosystem), date(2026, 11, 20))
    return answers.known.get(f"{dependency.name} {dependency.version}", [])


@pytest.mark.parametrize(
    ("ecosystem", "version", "events", "affected"),
    [
        ("PyPI", "1.9", ({"introduced": "0"}, {"fixed": "1.10"}), True),
        ("PyPI", "1.10", ({"introduced": "0"}, {"fixed": "1.10"}), False),
        ("PyPI", "1.10rc1", ({"introduced": "0"}, {"fixed": "1.10"}), True),
        ("PyPI", "2.0", ({"introduced": "0"}, {"fixed": "1.10"}, {"introduced": "2.0"}), True),
        ("PyPI", "2.0", ({"introduced": "1"}, {"last_affected": "2.0"}), True),
        ("PyPI", "2.0.1", ({"introduced": "1"}, {"last_affected": "2.0"}), False),
        ("PyPI", "2.0", ({"introduced": "0"},), True),
        ("npm", "4.17.20", ({"introduced": "0"}, {"fixed": "4.17.21"}), True),
        ("npm", "4.17.21", ({"introduced": "0"}, {"fixed": "4.17.21"}), False),
        ("npm", "5.0.0-beta.2", ({"introduced": "5.0.0-beta.1"}, {"fixed": "5.0.0"}), True),
        ("npm", "5.0.0-beta.11", ({"introduced": "0"}, {"fixed": "5.0.0-beta.2"}), False),
        ("npm", "not-a-version", ({"introduced": "9.0.0"},), True),
    ],
)
def test_a_version_is_looked_up_as_osv_evaluates_it(
    tmp_path: Path, ecosystem: str, version: str, events: tuple[dict[str, str], ...], affected: bool
) -> None:
    dependency = Dependency(ecosystem, "a-package", version, "a lock")
    assert known(tmp_path, dependency, record(ecosystem, "a-package", *events)) == (["X-1"] if affected else [])


def test_names_withdrawn_records_and_named_versions(tmp_path: Path) -> None:
    dependency = Dependency("PyPI", "a-package", "3", "a lock")
    assert known(
        tmp_path,
        dependency,
        record("PyPI", "A_Package", {"introduced": "9"}, versions=["3"]),
        record("PyPI", "another", {"introduced": "0"}, id="X-2"),
        record("PyPI", "a.package", {"introduced": "0"}, id="X-3", withdrawn="2026-01-01T00:00:00Z"),
        record("PyPI", "a.package", {"introduced": "0"}, id="X-4"),
    ) == ["X-1", "X-4"]


def test_yaml_is_read_and_a_folder_without_records_is_no_good_news(tmp_path: Path) -> None:
    dependency = Dependency("PyPI", "a-package", "3", "a lock")
    with pytest.raises(DatabaseError, match="no records"):
        from_folder([dependency], tmp_path, "a test")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "X-9.yaml").write_text(
        "id: X-9\nmodified: 2026-11-20T01:02:03.5Z\naffected:\n- package: {ecosystem: PyPI, name: a-package}\n"
        "  versions: ['3']\n"
    )
    (answers,) = from_folder([dependency], tmp_path, "a test")
    assert (answers.known, answers.as_of) == ({"a-package 3": ["X-9"]}, date(2026, 11, 20))


@given(st.lists(st.integers(0, 20), min_size=3, max_size=3), st.lists(st.integers(0, 20), min_size=3, max_size=3))
def test_semver_sorts_by_number_and_a_candidate_before_its_release(one: list[int], other: list[int]) -> None:
    first, second = (".".join(map(str, version)) for version in (one, other))
    keys = semver(first), semver(second)
    assert keys[0] is not None
    assert keys[1] is not None
    assert (keys[0] < keys[1]) == (one < other)
    candidate = semver(f"{first}-rc.1")
    assert candidate is not None
    assert candidate < keys[0]


def whole(as_of: date, **known_of: list[str]) -> list[Answers]:
    dependencies = locked()
    return [
        Answers(ecosystem, "a test", as_of, asked_of(dependencies, ecosystem), known_of if ecosystem == "PyPI" else {})
        for ecosystem in ("Maven", "PyPI", "npm")
    ]


def say(tmp_path: Path, capsys: pytest.CaptureFixture[str], answers: list[Answers], **options: int) -> tuple[int, str]:
    file = tmp_path / "snapshot.json"
    write_snapshot(answers, file)
    assert read_snapshot(file) == answers
    code = audit(NOWHERE, snapshot=file, today=DAY, **options)
    return code, capsys.readouterr().out


def test_a_fresh_snapshot_stands_in_for_the_database(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = say(tmp_path, capsys, whole(date(2026, 11, 20)))
    assert code == 0
    assert "can't be reached" in said
    assert "checked against a test as of 2026-11-20, 7 days ago" in said
    assert said.splitlines()[-1] == "no known vulnerabilities"


def test_an_old_one_says_its_age_and_is_not_relied_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = say(tmp_path, capsys, whole(date(2026, 10, 1)))
    assert code == 2
    assert "57 days ago" in said
    assert "WARNING: older than 30 days" in said
    assert "no known" not in said
    assert say(tmp_path, capsys, whole(date(2026, 10, 1)), most_days=57)[0] == 0


def test_what_it_knows_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    httpx = next(one for one in locked() if one.name == "httpx")
    code, said = say(tmp_path, capsys, whole(DAY, **{f"httpx {httpx.version}": ["GHSA-1", "GHSA-2"]}))
    assert code == 1
    assert f"httpx {httpx.version}" in said
    assert "GHSA-1, GHSA-2" in said


def test_what_was_locked_since_and_what_it_never_had_is_not_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    maven, python, _ = whole(DAY)
    left = python._replace(asked=frozenset(sorted(python.asked)[1:]))
    code, said = say(tmp_path, capsys, [maven, left])
    assert code == 2
    assert f"1 packages NOT CHECKED: locked since: {min(python.asked)}" in said
    assert "npm: 1," in said
    assert "NOT CHECKED: there are no advisories of it here" in said


def test_a_damaged_one_is_said(tmp_path: Path) -> None:
    file = tmp_path / "snapshot.json"
    file.write_text('{"PyPI": {}}')
    with pytest.raises(DatabaseError, match="damaged"):
        audit(NOWHERE, snapshot=file)


def test_a_refresh_without_a_source_leaves_it_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "snapshot.json"
    write_snapshot(whole(DAY), file)
    before = file.read_bytes()
    with pytest.raises(DatabaseError, match="can't be reached"):
        refresh(None, "", database=NOWHERE, snapshot=file)
    assert file.read_bytes() == before


def test_the_committed_one_says_where_it_is_from_and_until_when() -> None:
    answers = read_snapshot(SNAPSHOT)
    assert "PyPI" in {one.ecosystem for one in answers}
    for one in answers:
        assert one.source
        assert one.asked >= one.known.keys()
        assert one.days_old(DAY) >= 0
