"""Which messages a page of the served screen may send."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.serve.messages import BadMessageError, Focus, Keys, Ping, Resize, asked_size, read_message


def test_what_a_page_says_is_read() -> None:
    assert read_message('["stdin","é\\u001b[A"]') == Keys("é\x1b[A")
    assert read_message('["ping","1795740000000"]') == Ping("1795740000000")
    assert read_message('["focus"]') == Focus()
    resize = read_message('["resize",{"width":120,"height":40}]')
    assert isinstance(resize, Resize)
    assert resize.size == (120, 40)


@pytest.mark.parametrize(
    ("width", "height", "size"),
    [(999_999_999, 99_999_999, (500, 200)), (0, 0, (10, 5)), (10**9, 24, (500, 24)), (80, 24, (80, 24))],
)
def test_a_size_is_bounded_at_first_and_later(width: int, height: int, size: tuple[int, int]) -> None:
    assert asked_size({"width": str(width), "height": str(height)}) == size
    later = read_message(f'["resize",{{"width":{width},"height":{height}}}]')
    assert isinstance(later, Resize)
    assert later.size == size


def test_a_window_that_asks_for_no_size_has_the_usual_one() -> None:
    assert asked_size({}) == (80, 24)


@pytest.mark.parametrize("given", ["", "-1", "1e3", " 80", "0x50", "80.0", "٣", "9" * 11])
def test_a_size_is_a_whole_number(given: str) -> None:
    with pytest.raises(BadMessageError):
        asked_size({"width": given})


@pytest.mark.parametrize("said", ["", "{}", "[]", '["quit"]', '["stdin"]', '["stdin","\\ud800"]', "[" * 100_000])
def test_what_no_page_says_is_refused(said: str) -> None:
    with pytest.raises(BadMessageError):
        read_message(said)


@given(st.text() | st.from_regex(r'\["(stdin|resize|ping|focus|blur)".{0,40}\]'))
def test_any_text_is_read_or_refused(said: str) -> None:
    try:
        read_message(said)
    except BadMessageError:
        return
