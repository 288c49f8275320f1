"""The password of the served screen: which are accepted, and how wrong ones are delayed."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import SettingsError
from tui.cli import parse
from tui.serve.address import Listen
from tui.serve.login import Login, WaitError, new_password, read_password

if TYPE_CHECKING:
    from pathlib import Path


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def login(clock: Clock) -> Login:
    return Login("pä:ssword", clock)


def basic(password: str, user: str = "anyone") -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def wait(login: Login, address: str) -> float:
    with pytest.raises(WaitError) as refused:
        login.lets_in(basic("pä:ssword"), address)
    return refused.value.seconds


def test_the_password_alone_lets_in_under_any_name(login: Login) -> None:
    assert login.lets_in(basic("pä:ssword"), "192.0.2.7")
    assert login.lets_in(basic("pä:ssword", ""), "192.0.2.7")
    for number, wrong in enumerate(("", "Basic", "Basic !!!", "Bearer pä:ssword", basic("pä:ssword "), basic(""))):
        assert not login.lets_in(wrong, f"192.0.2.{number}"), wrong


def test_a_cookie_of_another_run_lets_nobody_in(login: Login, clock: Clock) -> None:
    assert login.has_cookie(login.cookie)
    for wrong in ("", Login("pä:ssword", clock).cookie, login.cookie[:-1], "\udcff"):
        assert not login.has_cookie(wrong)


def test_wrong_passwords_are_slowed_down_and_the_right_one_with_them(login: Login, clock: Clock) -> None:
    for _ in range(5):
        assert not login.lets_in(basic("wrong"), "192.0.2.7")
    assert wait(login, "192.0.2.7") == 1
    # Trying meanwhile makes it no longer, asking without a password counts as no try, and others are not concerned.
    assert wait(login, "192.0.2.7") == 1
    assert not login.lets_in("", "192.0.2.7")
    assert login.lets_in(basic("pä:ssword"), "192.0.2.8")
    waits = []
    for _ in range(8):
        clock.now += 60
        assert not login.lets_in(basic("wrong"), "192.0.2.7")
        waits.append(wait(login, "192.0.2.7"))
    assert waits == [2, 4, 8, 16, 32, 60, 60, 60]
    clock.now += 60
    assert login.lets_in(basic("pä:ssword"), "192.0.2.7")
    assert not login.lets_in(basic("wrong"), "192.0.2.7")
    assert login.lets_in(basic("pä:ssword"), "192.0.2.7")


def test_wrong_passwords_are_forgotten_after_a_while(login: Login, clock: Clock) -> None:
    for _ in range(5):
        login.lets_in(basic("wrong"), "192.0.2.7")
    clock.now += 901
    for _ in range(5):
        assert not login.lets_in(basic("wrong"), "192.0.2.7")


def test_a_network_of_ipv6_is_one_address(login: Login) -> None:
    for number in range(5):
        login.lets_in(basic("wrong"), f"2001:db8::{number}")
        login.lets_in(basic("wrong"), "::ffff:192.0.2.9")
    assert wait(login, "2001:db8::99") == wait(login, "192.0.2.9") == 1
    assert login.lets_in(basic("pä:ssword"), "2001:db8:0:1::1")


@given(st.text(max_size=60))
def test_any_header_is_read(authorization: str) -> None:
    assert not Login("password", lambda: 0.0).lets_in(authorization, "192.0.2.7")


def test_made_passwords_differ_and_can_be_typed() -> None:
    made = {new_password() for _ in range(100)}
    assert len(made) == 100
    assert all(re.fullmatch(r"([a-kmnp-z2-9]{4}-){2}[a-kmnp-z2-9]{4}", one) for one in made)


def test_a_password_of_ones_own_is_long_enough(tmp_path: Path) -> None:
    file = tmp_path / "password"
    for content, said in (("", "there is no password"), ("1234567\n", "too short")):
        file.write_text(content)
        with pytest.raises(SettingsError, match=said):
            read_password(str(file))
    file.write_text("12345678\n")
    assert read_password(str(file)) == "12345678"
    with pytest.raises(SettingsError, match="serve_password_file"):
        read_password(str(tmp_path / "nothing"))


@pytest.mark.parametrize(
    ("written", "listen"),
    [
        ([], Listen("127.0.0.1", 8010)),
        (["9000"], Listen("127.0.0.1", 9000)),
        (["0.0.0.0:9000"], Listen("0.0.0.0", 9000)),  # noqa: S104 - what a person types
        (["[::]:9000"], Listen("::", 9000)),
        (["classroom.local:80"], Listen("classroom.local", 80)),
    ],
)
def test_an_address_is_named_with_its_port(written: list[str], listen: Listen) -> None:
    assert parse(["--serve", *written]).serve == listen


@pytest.mark.parametrize("written", ["x", "0", "65536", ":8010", "192.0.2.1", "192.0.2.1:", "a b:80", "::1:80", "*:80"])
def test_what_is_no_address_is_refused(written: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--serve", written])
    assert "is no port" in capsys.readouterr().err
