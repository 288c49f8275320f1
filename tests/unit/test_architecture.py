"""The documents for contributors name files that exist, and names that these define."""

from __future__ import annotations

import re
import subprocess

import pytest

from stack.paths import ROOT

_PLACE = re.compile(r"^\| (?P<question>[^|]+\?) \| `(?P<file>[^`]+)` \| `(?P<name>\w+)` \|$", re.MULTILINE)
_DEFINES = r"^(?:async )?(?:def|class|function|const|let) {name}\b|^{name}(?::| =)"

_FILE = re.compile(r"`([\w./-]+/[\w.-]+\.(?:py|js|cjs|toml|tcss|po|md))`")


@pytest.mark.parametrize("document", ["ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_each_file_that_is_named_exists(document: str) -> None:
    named = set(_FILE.findall((ROOT / ".github" / document).read_text()))
    assert named
    assert sorted(name for name in named if not (ROOT / name).exists()) == []


def test_where_each_change_is_made_is_defined_there() -> None:
    text = (ROOT / ".github" / "ARCHITECTURE.md").read_text()
    section = text.split("## Where would I change", 1)[1]
    rows = list(_PLACE.finditer(section))
    assert len(rows) == section.count("\n| ") - 1 >= 10, "every row below the head is a question, a file and a name"
    for row in rows:
        defined = re.compile(_DEFINES.format(name=row["name"]), re.MULTILINE)
        assert defined.search((ROOT / row["file"]).read_text()), f"{row['file']} does not define {row['name']}"


def test_the_commits_named_as_examples_by_their_subjects_exist() -> None:
    text = " ".join((ROOT / ".github" / "ARCHITECTURE.md").read_text().split())
    git = subprocess.run(["git", "log", "--format=%s"], cwd=ROOT, capture_output=True, text=True, check=False)
    log = git.stdout.splitlines()
    if len(log) < 50:
        pytest.skip("not a clone with its history")
    named = re.findall(r'the commit "([^"]+)"', text)
    assert named
    assert sorted(subject for subject in named if subject not in log) == []
