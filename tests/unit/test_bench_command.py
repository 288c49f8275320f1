"""The benchmark's command line, its frames and its movements."""

from __future__ import annotations

import json

import pytest

from bridge.mqtt.frames import Frames
from stack.command import parse as parse_runner
from tests.bench.__main__ import chosen, parse
from tests.bench.applying import deltas_of, movements_of
from tests.bench.bench import MESSAGES
from tests.bench.catalogue import WORKS
from tests.bench.publisher import connect_frame, movement, publish_frame


@pytest.mark.parametrize(
    "given", [["bench", "ingest-live", "--rounds", "2", "--help"], ["test", "-k", "a", "tests/unit"]]
)
def test_the_runner_hands_everything_on(given: list[str]) -> None:
    options = parse_runner(given)
    assert (options.command, options.others) == (given[0], given[1:])


def test_the_runner_still_refuses_what_no_command_knows(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse_runner(["status", "--rounds", "2"])
    assert "unrecognized arguments: --rounds 2" in capsys.readouterr().err


def test_all_works_of_full_size_are_the_default() -> None:
    options = parse([])
    assert (options.works, options.against, options.messages, options.results) == ([], None, MESSAGES, False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ingest"], "there is no work 'ingest': ingest-backlog"),
        (["--against", "nifi"], "there is no peer 'nifi'"),
        (["--rounds", "0"], "0 is not 1 or more"),
    ],
)
def test_a_wrong_command_line_says_what_is_allowed(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parse(arguments)
    assert said in capsys.readouterr().err


def test_against_leaves_ours_and_the_named() -> None:
    work = chosen(WORKS["ingest-live"], ["flechtwerk"])
    assert [contender.name for contender in work.contenders] == ["opsci", "flechtwerk"]
    assert chosen(WORKS["ingest-live"], None) == WORKS["ingest-live"]


def test_a_setting_reaches_our_engine_and_no_peer_and_is_named_beside_the_figures() -> None:
    ours, rest, get_put = chosen(WORKS["apply"], None, ["apply.batch=1000"]).contenders
    assert ours.told["flags"] == ["--set", "apply.batch=1000"]
    assert rest.told["flags"] == ["--set", "strapi.mode=rest5", "--set", "apply.batch=1000"]
    assert get_put == WORKS["apply"].contenders[2]
    assert ours.settings.endswith("apply.batch=1000")


def test_no_two_movements_are_alike_and_each_has_the_size_of_the_courses() -> None:
    made = [movement(number) for number in range(0, 1_000_000, 997)]
    assert len(set(made)) == len(made)
    assert {len(payload) for payload in made} <= set(range(31, 38))
    assert json.loads(movement(12_345)) == {"id": 146, "amount": 62, "type": "IN"}


def test_our_publish_frames_are_what_an_mqtt_reader_takes() -> None:
    payloads = [b"x" * 10, b"y" * 300]
    stream = b"".join(publish_frame("bench/topic", 65_535, payload) for payload in payloads)
    published, others = Frames(version_5=False).feed(stream)
    assert [(one.topic, one.packet_id, one.qos, one.payload) for one in published] == [
        ("bench/topic", 65_535, 1, payload) for payload in payloads
    ]
    assert not others


def test_our_connect_frame_is_that_of_mqtt_3_1_1() -> None:
    assert connect_frame("ab") == bytes.fromhex("100e00044d5154540402000000026162")


def test_the_movements_of_apply_do_what_is_expected_of_them() -> None:
    stocks: dict[int, int] = {}
    for key, value in movements_of(1000, 7):
        found = json.loads(value)
        assert int(key) == found["id"]
        change = found["amount"] if found["type"] == "IN" else -found["amount"]
        stocks[found["id"]] = stocks.get(found["id"], 0) + change
    assert stocks == deltas_of(1000, 7)
