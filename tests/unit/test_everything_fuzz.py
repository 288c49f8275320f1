"""All input from outside is applied, rejected or retried: hypothesis on the targets of tests/fuzz."""

from __future__ import annotations

import asyncio
import string
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as budget
from hypothesis import strategies as st

from bridge.ingest.mapping import Mapper, record_of
from bridge.mqtt.frames import Inbound
from bridge.route import Route, RouteKind
from tests.fuzz.__main__ import NAMES as COMMANDS
from tests.fuzz.__main__ import main
from tests.fuzz.targets import TARGETS, answers

_SHIPPED = (Path(__file__).parents[2] / "configs" / "opsci.toml").read_bytes()
_QUICK = budget(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)
NAMES = st.sampled_from(
    ["id", "documentId", "attributes", "name", "barcode", "stock_available", "movement_position", "statuss", "status"]
)
ROWS = st.dictionaries(NAMES, SCALARS | st.dictionaries(NAMES, SCALARS, max_size=4), max_size=6)
COUNTS = SCALARS | st.sampled_from([0, 1, 2, 10**9])
PAGES = st.fixed_dictionaries(
    {"data": st.lists(ROWS | JSON, max_size=3) | ROWS | JSON},
    optional={
        "meta": st.fixed_dictionaries({"pagination": st.fixed_dictionaries({"pageCount": COUNTS}) | JSON}) | JSON
    },
)
VERDICTS = st.fixed_dictionaries(
    {
        "verdicts": st.lists(
            st.fixed_dictionaries(
                {
                    "movement_id": st.sampled_from(["m0", "m1", "m2"]) | SCALARS,
                    "verdict": st.sampled_from(["applied", "duplicate", "conflict"]) | SCALARS,
                },
                optional={"product": ROWS | JSON, "stock_after": SCALARS, "first_verdict": SCALARS},
            ),
            max_size=4,
        )
        | JSON
    }
)
ERRORS = st.fixed_dictionaries({"error": st.fixed_dictionaries({"message": SCALARS | JSON}) | JSON})
BODIES = st.one_of(
    (PAGES | VERDICTS | ERRORS | JSON).map(msgspec.json.encode),
    st.binary(max_size=60),
    st.just(b"\x1f\x8b"),
    st.just(b"[" * 5000),
)
STATUSES = st.sampled_from([200, 200, 200, 201, 204, 302, 400, 401, 404, 405, 413, 429, 500, 503])


@pytest.mark.parametrize("name", sorted(TARGETS))
@given(data=st.binary(max_size=300))
@_QUICK
def test_any_bytes(name: str, data: bytes) -> None:
    TARGETS[name](data)


@example([(200, b"[" * 5000)])
@example([(405, b"[" * 5000)])
@example([(500, b""), (200, b"[]")])
@given(answered=st.lists(st.tuples(STATUSES, BODIES), min_size=1, max_size=6))
@budget(parent=_QUICK, max_examples=150)
def test_any_answers_of_strapi(answered: list[tuple[int, bytes]]) -> None:
    asyncio.run(answers(lambda place: answered[min(place, len(answered) - 1)]))


@given(
    topic=st.text(max_size=40) | st.sampled_from(["topic", "product/1", "event/a/b"]),
    payload=st.binary(max_size=200) | JSON.map(msgspec.json.encode),
    properties=st.binary(max_size=80),
    redelivered=st.booleans(),
    qos=st.sampled_from([0, 1]),
)
@_QUICK
def test_any_message_is_a_record_or_a_dead_letter(
    topic: str, payload: bytes, properties: bytes, redelivered: bool, qos: int
) -> None:
    routes = [Route("#", "all", does) for does in (RouteKind.MOVEMENT,)]
    (journey,) = Mapper(routes, "fuzz").journeys([Inbound(topic, payload, qos, 5, False, redelivered, properties)], 1.0)
    if journey.rejection is None:
        assert record_of(journey).value == payload
    else:
        assert journey.rejection.text


@given(cut=st.integers(0, len(_SHIPPED)))
@_QUICK
def test_a_settings_file_that_is_half_written(cut: int) -> None:
    """Torn at any byte: what stands there is taken, or said to be wrong at its line; never anything else."""
    TARGETS["settings"](_SHIPPED[:cut])


@given(
    cut=st.integers(0, len(_SHIPPED) - 1),
    length=st.integers(0, 60),
    text=st.text(string.printable, max_size=30) | st.binary(max_size=10).map(lambda raw: raw.decode("latin-1")),
)
@budget(parent=_QUICK, max_examples=150)
def test_a_settings_file_with_a_hole_or_a_blot(cut: int, length: int, text: str) -> None:
    TARGETS["settings"](_SHIPPED[:cut] + text.encode("latin-1") + _SHIPPED[cut + length :])


def test_the_command_knows_every_target_and_says_what_it_needs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert set(COMMANDS) == set(TARGETS)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert main(["payload"]) == 2
    assert "pip install atheris" in capsys.readouterr().err
