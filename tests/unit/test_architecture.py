"""The documents for contributors name files that exist."""

from __future__ import annotations

import re

import pytest

from stack.paths import ROOT

_FILE = re.compile(r"`([\w./-]+/[\w.-]+\.(?:py|js|cjs|toml|tcss|po|md))`")


@pytest.mark.parametrize("document", ["ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_each_file_that_is_named_exists(document: str) -> None:
    named = set(_FILE.findall((ROOT / ".github" / document).read_text()))
    assert named
    assert sorted(name for name in named if not (ROOT / name).exists()) == []
