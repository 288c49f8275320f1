"""Which of two engines with one client id carries, and whose signs count."""

from __future__ import annotations

import os
import time

import msgspec
import pytest
from msgspec.structs import replace

from bridge.mqtt.frames import Inbound
from bridge.mqtt.presence import Presence, Sign, _processes
from bridge.settings import MqttSettings, Settings


def presence(client_id: str = "secret", *, took_over: float = 0.0, carries: bool = False) -> Presence:
    made = Presence(Settings(mqtt=MqttSettings(client_id=client_id)), "opsci-bridge", took_over=took_over)
    made.carries = carries
    return made


def hear(listener: Presence, sign: Sign, *, retained: bool = False) -> None:
    topic = f"opsci/engines/stock-creator/{sign.engine}"
    listener._received([Inbound(topic, msgspec.json.encode(sign), 1, 1, retained, False, b"")])


def signed(speaker: Presence) -> Sign:
    """What an engine publishes."""
    return speaker._signed(speaker._own())


def changed(speaker: Presence, **changes: object) -> Sign:
    """An engine's sign with changes, authenticated correctly."""
    sign = replace(speaker._own(), process="", **changes)
    return replace(sign, proof=speaker._proof_of(sign))


def test_the_one_that_carries_goes_before_the_one_that_comes() -> None:
    first, second = presence(carries=True), presence()
    hear(second, signed(first))
    hear(first, signed(second))
    assert second.before is not None
    assert first.before is None


def test_the_one_that_is_told_to_take_over_goes_before() -> None:
    first, second = presence(carries=True), presence(took_over=time.time())
    hear(second, signed(first))
    hear(first, signed(second))
    assert second.before is None
    assert second.withdrawing
    assert first.before is not None


def test_another_client_id_waits_for_nobody() -> None:
    first, second = presence("one", carries=True), presence("other")
    hear(second, signed(first))
    assert len(second.others) == 1
    assert second.before is None


def test_who_does_not_know_the_client_id_makes_nobody_wait() -> None:
    first, second = presence(carries=True), presence()
    heard = replace(signed(first), took_over=1e12, process="")
    hear(second, heard)
    assert len(second.others) == 1
    assert second.before is None


@pytest.mark.parametrize(("age", "retained", "counts"), [(5, True, 1), (60, True, 0), (60, False, 1), (600, False, 0)])
def test_how_old_a_sign_may_be(age: float, *, retained: bool, counts: int) -> None:
    first, second = presence(carries=True), presence()
    hear(second, changed(first, at=time.time() - age), retained=retained)
    assert len(second.others) == counts


def test_a_process_of_this_machine_that_has_ended_does_not_count() -> None:
    first, second = presence(carries=True), presence()
    sign = signed(first)
    # Linux counts to 4,194,304.
    ended = replace(sign, process=f"{_processes()}9999999")
    hear(second, ended)
    assert second.others == ([] if _processes() else [ended])
    hear(second, replace(sign, process=f"{_processes()}{os.getpid()}"))
    assert len(second.others) == 1


def test_a_sign_ends_with_an_empty_message_and_says_of_itself_alone() -> None:
    first, second = presence(carries=True), presence()
    sign = signed(first)
    hear(second, sign)
    second._received([Inbound(f"opsci/engines/stock-creator/{sign.engine}", b"", 1, 1, False, False, b"")])
    assert second.others == []
    second._received([Inbound("opsci/engines/stock-creator/x", msgspec.json.encode(sign), 1, 1, False, False, b"")])
    second._received([Inbound("opsci/engines/stock-creator/y", b"{", 1, 1, False, False, b"")])
    assert second.others == []
