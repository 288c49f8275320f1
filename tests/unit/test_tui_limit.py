"""What never ends by itself is ended: regular expressions that backtrack, and the timer that is put away again."""

from __future__ import annotations

import re
import signal
import threading

import pytest

from tui.panes.limit import TooLongError, limited


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"(a+)+$", "a" * 60 + "b"),
        (r"(a|aa)*$", "a" * 200 + "b"),
        (r"(\w+\s?)+$", "abcdef " * 40 + "!"),
        (r"(?:.*,){12}x", "a," * 2_000),
        (r"(?=(a+)+$)", "a" * 60 + "b"),
        (r"(a*)*\1b", "a" * 60),
        (r".*.*.*.*.*x", "a" * 4_096),
    ],
)
def test_a_search_without_an_end_is_ended(pattern: str, text: str) -> None:
    before = signal.getsignal(signal.SIGVTALRM)
    with pytest.raises(TooLongError), limited(0.05):
        re.search(pattern, text, re.IGNORECASE)
    assert signal.getsignal(signal.SIGVTALRM) == before
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0, 0)


def test_what_ends_by_itself_is_left_alone() -> None:
    with limited():
        assert re.search("p3@12", "p3@128")
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0, 0)
    with pytest.raises(KeyError), limited():
        raise KeyError


def test_another_thread_is_not_limited() -> None:
    ran = []

    def work() -> None:
        with limited():
            ran.append(signal.getitimer(signal.ITIMER_VIRTUAL))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ran == [(0, 0)]
