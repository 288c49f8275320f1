"""Routes: which topics a filter matches, against MQTT 5 section 4.7 and another implementation of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import topic_matches_sub

from bridge.route import filter_matches, filters_overlap
from bridge.settings.constraints import filter_problem, topic_problem

LEVELS = st.sampled_from(["", "a", "b", "sport", "$SYS"])
TOPICS = st.lists(LEVELS, min_size=1, max_size=4).map("/".join).filter(bool)
FILTERS = st.tuples(st.lists(LEVELS | st.just("+"), max_size=4), st.booleans()).map(
    lambda parts: "/".join([*parts[0], *(["#"] if parts[1] else [])])
)


@pytest.mark.parametrize(
    ("topic_filter", "topic", "matches"),
    [
        ("topic", "topic", True),
        ("topic", "topics", False),
        ("sport/tennis/#", "sport/tennis", True),
        ("sport/tennis/#", "sport/tennis/player1/ranking", True),
        ("sport/+", "sport", False),
        ("sport/+", "sport/", True),
        ("+/+", "/finance", True),
        ("/+", "/finance", True),
        ("+", "/finance", False),
        ("#", "$SYS/broker", False),
        ("+/broker", "$SYS/broker", False),
        ("$SYS/#", "$SYS/broker", True),
        ("$share/group/sport/#", "sport/tennis", True),
        ("$share/group/#", "$SYS/broker", False),
        ("$share/group", "group", False),
        ("$share/", "x", False),
    ],
)
def test_the_examples_of_the_standard(topic_filter: str, topic: str, matches: bool) -> None:
    assert filter_matches(topic_filter, topic) is matches


@given(FILTERS.filter(bool), TOPICS)
def test_as_another_implementation_has_it(topic_filter: str, topic: str) -> None:
    assert filter_matches(topic_filter, topic) is topic_matches_sub(topic_filter, topic)


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        ("topic", "product", False),
        ("a/#", "a", True),
        ("a/#", "a/b/c", True),
        ("a/+/c", "a/b/+", True),
        ("a/+", "a/b/c", False),
        ("+/b", "a/c", False),
        ("#", "$SYS/broker", False),
        ("$share/g/a/+", "a/b", True),
        ("a/+/#", "a", False),
    ],
)
def test_filters_that_a_topic_matches_both_of(one: str, other: str, overlap: bool) -> None:
    assert filters_overlap(one, other) is filters_overlap(other, one) is overlap


@given(FILTERS.filter(bool), FILTERS.filter(bool), TOPICS)
def test_filters_that_share_a_topic_overlap(one: str, other: str, topic: str) -> None:
    assert filters_overlap(one, other) or not (filter_matches(one, topic) and filter_matches(other, topic))


@given(st.text("a/+#$sharegx", max_size=12), TOPICS)
def test_no_filter_raises(topic_filter: str, topic: str) -> None:
    assert filter_matches(topic_filter, topic) in {True, False}


@pytest.mark.parametrize(
    "topic_filter", ["a", "#", "+", "a/#", "+/a/+", "/", "$share/g/a", "$share/g/+/#", "$SYS/#", "é"]
)
def test_filters(topic_filter: str) -> None:
    assert filter_problem(topic_filter) == ""


@pytest.mark.parametrize(
    "topic_filter",
    [
        "",
        "a/#/b",
        "a#",
        "#/",
        "a+",
        "a/b+/c",
        "\x00",
        "\ud800",
        "$share",
        "$share/g",
        "$share//a",
        "$share/g/",
        "$share/+/a",
    ],
)
def test_what_is_no_filter_says_why(topic_filter: str) -> None:
    assert filter_problem(topic_filter)


def test_topics_to_publish_on() -> None:
    assert topic_problem("shop/1/stock") == ""
    assert [bool(topic_problem(topic)) for topic in ("", "a/+", "#", "\x00", "x" * 65_536)] == [True] * 5
