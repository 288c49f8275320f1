"""What never ends by itself is ended: regular expressions that backtrack, and the timer that is put away again."""

from __future__ import annotations

import re
import signal
import threading
import time
import weakref

import pytest

from tui.panes.limit import TooLongError, found, limited


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
        found(re.compile(pattern, re.IGNORECASE), text)
    assert signal.getsignal(signal.SIGVTALRM) == before
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0, 0)


def test_what_ends_by_itself_is_left_alone() -> None:
    with limited():
        assert found(re.compile("p3@12"), "p3@128")
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0, 0)
    with pytest.raises(KeyError), limited():
        raise KeyError


def test_a_signal_in_a_weak_reference_s_callback_ends_the_search_and_not_the_callback() -> None:
    """An exception in such a callback would only be printed, which is an error in tests, and the search would go on."""
    done = []

    class Thing:
        pass

    def callback(_: object) -> None:
        until = time.process_time() + 0.05
        while time.process_time() < until:
            pass
        done.append("callback")

    thing = Thing()
    reference = weakref.ref(thing, callback)
    with pytest.raises(TooLongError), limited(0.02):
        del thing
        found(re.compile("(a+)+$"), "a" * 60 + "b")
    assert done == ["callback"]
    assert reference() is None


def test_another_thread_is_not_limited() -> None:
    ran = []

    def work() -> None:
        with limited():
            ran.append(signal.getitimer(signal.ITIMER_VIRTUAL))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ran == [(0, 0)]
