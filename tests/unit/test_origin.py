from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stack.websockets.origin import OriginRule, read_origin


@pytest.mark.parametrize(
    "origin",
    [
        "http://localhost",
        "http://localhost:5173",
        "https://localhost:8443",
        "http://127.0.0.1:8000",
        "http://[::1]:3000",
        "HTTP://LOCALHOST:3000",
        "https://shop.example.org",
        "https://shop.example.org:443",
        "http://10.0.0.7:8000",
    ],
)
def test_pages_of_this_machine_and_those_named_may(origin: str) -> None:
    rule = OriginRule.of(["https://shop.example.org/", "http://10.0.0.7:8000"])
    assert rule.allows([origin])


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "file://",
        "http://evil.example",
        "http://evil.localhost:8000",
        "http://localhost.evil.example",
        "http://localhost@evil.example",
        "http://evil.example@localhost",
        "http://127.0.0.1.evil.example:8000",
        "http://127.0.0.2:8000",
        "http://localhost:8000/path",
        "http://localhost:8000?x",
        "http://localhost:99999",
        " http://localhost",
        "http://localhost http://evil.example",
        "chrome-extension://abcdefgh",
        "ws://localhost:1883",
        "https://shop.example.org:8443",
        "http://shop.example.org",
    ],
)
def test_no_other_page_may(origin: str) -> None:
    assert not OriginRule.of(["https://shop.example.org"]).allows([origin])


def test_a_program_may_and_two_origins_may_not() -> None:
    rule = OriginRule()
    assert rule.allows([])
    assert not rule.allows(["http://localhost", "http://localhost"])


def test_a_page_of_the_very_name_that_is_asked_for_may() -> None:
    rule = OriginRule()
    assert rule.allows(["http://192.168.1.5:8000"], "192.168.1.5")
    assert rule.allows(["http://[fd00::5]:8000"], "fd00::5")
    assert not rule.allows(["http://192.168.1.6:8000"], "192.168.1.5")
    assert not rule.allows(["null"], "null")


@pytest.mark.parametrize("named", ["evil", "null", "*", "http://", "shop.example.org", "https://shop.example.org/path"])
def test_what_is_no_origin_is_not_taken_for_one(named: str) -> None:
    with pytest.raises(ValueError, match="is no origin"):
        OriginRule.of([named])


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    origin = read_origin(text)
    assert origin is None or (origin[0] in {"http", "https"} and origin[1] and 0 <= origin[2] < 65_536)
