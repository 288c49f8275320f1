"""Regular expressions that backtrack endlessly are stopped."""

from __future__ import annotations

import time

import pytest
import regex

from tui.widgets.filter import TooLongError, found, limited

ENDLESS = r"(?:.*,){12}x"


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"(a|aa)*$", "a" * 200 + "b"),
        (r"(?=(a|aa)+$)", "a" * 200 + "b"),
        (ENDLESS, "a," * 2_000),
    ],
)
def test_a_search_without_an_end_is_ended(pattern: str, text: str) -> None:
    began = time.thread_time()
    with pytest.raises(TooLongError), limited(0.05):
        found(regex.compile(pattern, regex.IGNORECASE), text)
    assert time.thread_time() - began < 5


def test_what_ends_by_itself_is_left_alone() -> None:
    with limited():
        assert found(regex.compile("p3@12"), "p3@128")
    assert found(regex.compile("p3@12"), "p3@128"), "without a limit as well"
    with pytest.raises(KeyError), limited():
        raise KeyError


def test_many_searches_have_one_limit_together() -> None:
    slow, text, searches = regex.compile(r".*.*x"), "a" * 1_000, 0
    with pytest.raises(TooLongError), limited(0.05):
        while True:
            found(slow, text)
            searches += 1
    assert searches > 1


def test_a_limit_ends_with_its_block() -> None:
    with pytest.raises(TooLongError), limited(0.01):
        found(regex.compile(ENDLESS), "a," * 2_000)
    assert not found(regex.compile("b"), "a")
    with limited():
        assert not found(regex.compile("b"), "a")
