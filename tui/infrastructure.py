"""The servers in the infrastructure window: each is asked periodically on its own, and its facts are put in words."""

from __future__ import annotations

import time
from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

from textual.content import Content

from bridge.errors import OpsciError, ServerError
from bridge.infrastructure.facts import KafkaFacts, MqttFacts, StrapiFacts
from bridge.journal import Server, State
from bridge.strapi.gateway import ApiKind
from bridge.text import readable
from tui.format import clock, count, waited
from tui.language import msgid, say, say_count
from tui.widgets.status import STATE_SIGNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from concurrent.futures import Future

    from bridge.infrastructure.facts import Facts, PartitionFacts, TopicFacts
    from bridge.journal import Connection
    from bridge.kafka.group import Member
    from tui.engine import Engine

__all__ = ["Readings", "Trouble", "server_text"]

_EVERY: Final = {Server.MQTT: 4.0, Server.KAFKA: 3.0, Server.STRAPI: 15.0}
"""Seconds between two requests to a server. Strapi is slower: each right of its token needs a separate request."""

_MOST: Final = 50
"""Retained messages named at most."""

_ABSENT: Final = "-"

_STATES: Final = {
    State.OFF: msgid("not asked for by this program"),
    State.CONNECTING: msgid("connecting since {time}"),
    State.UP: msgid("up since {time}"),
    State.DOWN: msgid("down since {time}"),
    State.REFUSED: msgid("lets us not in since {time}"),
    State.PAUSED: msgid("paused here since {time}"),
    State.STARTING: msgid("being started since {time}"),
    State.STARTED: msgid("started at {time}, not connected yet"),
    State.FAILED: msgid("did not start"),
}

_KINDS: Final = {
    ApiKind.LEDGER: msgid("Strapi 5 with the ledger"),
    ApiKind.REST5: msgid("plain Strapi 5"),
    ApiKind.REST4: msgid("plain Strapi 4"),
}

_NAMED_BY: Final = {
    ApiKind.LEDGER: "documentId",
    ApiKind.REST5: "documentId",
    ApiKind.REST4: "id",
}
"""The field that identifies a product in the addresses of each kind of Strapi."""

_TOLD: Final[Sequence[tuple[str, Sequence[str]]]] = (
    (msgid("clients connected"), ("clients/connected",)),
    (msgid("clients away"), ("clients/disconnected", "clients/inactive")),
    (msgid("messages stored"), ("store/messages/count", "messages/stored")),
    (msgid("messages retained"), ("retained messages/count",)),
    (msgid("messages dropped"), ("publish/messages/dropped",)),
    (msgid("subscriptions"), ("subscriptions/count",)),
)
"""The shown values of `$SYS/broker/`: label, and the topics that may hold it (mosquitto(8), Broker status)."""


class Trouble(NamedTuple):
    """Why a server could not be asked.

    Attributes:
        what: what happened, for the user.
        advice: what to do about it; may be empty.
        at: when, in seconds since the epoch.
    """

    what: str
    advice: str
    at: float


class Readings:
    """Asks each server every few seconds; an unresponsive server delays no other.

    Args:
        engine: asks the servers.
    """

    def __init__(self, engine: Engine) -> None:
        self.facts: dict[Server, Facts] = {}
        """The latest answer of each server."""
        self.trouble: dict[Server, Trouble] = {}
        """Why the latest request failed, for the servers where it did."""
        self._engine = engine
        self._asked: dict[Server, Future[Facts]] = {}
        self._due = dict.fromkeys(Server, 0.0)

    def pull(self) -> None:
        """Take over finished answers and send the requests that are due."""
        now = time.monotonic()
        for server in Server:
            asked = self._asked.get(server)
            if asked is None:
                if now >= self._due[server]:
                    self._asked[server] = self._engine.read_facts(server)
            elif asked.done():
                del self._asked[server]
                self._due[server] = now + _EVERY[server]
                if not asked.cancelled():
                    self._take(server, asked)

    def _take(self, server: Server, asked: Future[Facts]) -> None:
        error = asked.exception()
        if error is None:
            self.facts[server] = asked.result()
            self.trouble.pop(server, None)
            return
        what = say(error.text) if isinstance(error, OpsciError) else str(error) or type(error).__name__
        advice = say(error.advice) if isinstance(error, ServerError) else ""
        self.trouble[server] = Trouble(readable(what), readable(advice), time.time())


def server_text(connection: Connection, facts: Facts | None, trouble: Trouble | None, width: int) -> Content:
    """Describe all that is known of a server.

    Args:
        connection: the state of this program's own connection to it.
        facts: its latest answer, None if there is none yet.
        trouble: why the latest request failed; None if it did not.
        width: the available columns.
    """
    lines = [*_standing(connection, time.time()), Content("")]
    if trouble is not None:
        lines += [
            Content.styled(say("no answer at {time}").format(time=clock(trouble.at)), "bold $text-error"),
            Content.styled(trouble.what, "$text-error"),
            *([Content.styled(f"→ {trouble.advice}", "$text-warning")] if trouble.advice else []),
        ]
        if facts is not None:
            lines += [Content(""), Content.styled(say("as it was at {time}").format(time=clock(facts.at)), "bold")]
    elif facts is None:
        lines.append(_muted(say("being asked")))
    else:
        lines.append(_muted(say("read at {time}").format(time=clock(facts.at))))
    if isinstance(facts, MqttFacts):
        lines += _mqtt(facts, width)
    elif isinstance(facts, KafkaFacts):
        lines += _kafka(facts, width)
    elif isinstance(facts, StrapiFacts):
        lines += _strapi(facts)
    return Content("\n").join(lines)


def _standing(connection: Connection, now: float) -> list[Content]:
    said = say(_STATES[connection.state]).format(time=clock(connection.since))
    if connection.since and connection.state is not State.OFF:
        said += f" ({waited(now - connection.since)})"
    lines = [Content.styled(said, f"bold {STATE_SIGNS[connection.state][1]}"), Content(readable(connection.address))]
    if connection.state is not State.UP:
        lines += [Content.styled(readable(say(one)), "$text-warning") for one in (connection.detail,) if one]
    return lines


def _muted(text: str) -> Content:
    return Content.styled(text, "$foreground-muted")


def _heading(text: str, server: Server) -> list[Content]:
    return [Content(""), Content.styled(text, f"bold ${server.value}")]


def _values(values: Sequence[tuple[str, str]], width: int) -> list[Content]:
    """List names with their values, aligned where there is room."""
    longest = max((len(name) for name, _ in values), default=0)
    return [
        Content.assemble((f"{name:<{min(longest, width - 10)}}  ", "$foreground-muted"), (value, "bold"))
        for name, value in values
    ]


def _whole(text: str) -> str:
    return count(int(text)) if text.isdecimal() and len(text) <= 18 else readable(text)


def _version(told: str) -> str:
    """Rewrite `mosquitto version 2.0.18` as `Mosquitto 2.0.18`."""
    name, _, number = told.partition(" version ")
    return f"{name.capitalize()} {number}" if number else told


def _mqtt(facts: MqttFacts, width: int) -> list[Content]:
    told = facts.told.get("version", "")
    lines = _heading(f"$SYS · {readable(_version(told))}" if told else "$SYS", Server.MQTT)
    if facts.told_trouble:
        lines.append(Content.styled(readable(say(facts.told_trouble)), "$text-warning"))
    else:
        values: list[tuple[str, str]] = []
        up = facts.told.get("uptime", "").removesuffix(" seconds")
        if up.isdecimal():
            values.append((say("running for"), waited(int(up))))
        for name, topics in _TOLD:
            figure = next((facts.told[topic] for topic in topics if topic in facts.told), None)
            values.append((say(name), "·" if figure is None else _whole(figure)))
        lines += [
            *_values(values, width),
            _muted(
                say(
                    "Mosquitto tells these every few seconds while they change, and no longer (·) after a minute "
                    "without a change. This window's own connection is among the clients."
                )
            ),
        ]
    lines += _heading(say("Retained on our topics"), Server.MQTT)
    lines += [
        Content.styled(say("the broker lets this user not read {filter}").format(filter=readable(one)), "$text-warning")
        for one in facts.refused
    ]
    lines += [
        Content.assemble(
            readable(one.topic), "  ", (say_count("{count} byte", "{count} bytes", one.size), "$foreground-muted")
        )
        for one in facts.retained[:_MOST]
    ]
    if len(facts.retained) > _MOST:
        lines.append(_muted(say("and {count} more").format(count=count(len(facts.retained) - _MOST))))
    if not facts.retained:
        lines.append(_muted(say("none that this user may read") if facts.refused else say("none")))
    return lines


def _kafka(facts: KafkaFacts, width: int) -> list[Content]:
    lines: list[Content] = []
    if len(facts.brokers) > 1:
        lines += _heading(say("Brokers"), Server.KAFKA)
        lines += [
            Content.assemble(
                (f"{node}  ", "bold"),
                readable(address),
                ("  " + say("controller") if node == facts.controller else "", "$foreground-muted"),
            )
            for node, address in facts.brokers.items()
        ]
    lines += [
        Content.styled(readable(say(one)), "$text-warning")
        for one in (facts.ends_trouble, facts.offsets_trouble)
        if one
    ]
    for topic in facts.topics:
        lines += _topic(topic, width, several=len(facts.brokers) > 1)
    return lines + _group(facts)


def _topic(topic: TopicFacts, width: int, *, several: bool) -> list[Content]:
    told = say("no group reads it") if not topic.is_read else ""
    if topic.lag is not None:
        told = say("lag {count}").format(count=count(topic.lag))
    head = Content.assemble((readable(topic.name), "bold $kafka"), "  ", (told, "bold"))
    if topic.trouble:
        return [Content(""), head, Content.styled(readable(say(topic.trouble)), "$text-warning")]
    titles = [say("part."), say("end"), say("committed"), say("lag")]
    rows = [_partition(one) for one in topic.partitions]
    if several:
        titles += [say("leader"), say("in sync")]
        for row, one in zip(rows, topic.partitions, strict=True):
            row += [str(one.leader) if one.leader >= 0 else say("none"), _in_sync(one)]
    return [Content(""), head, *_table(titles, rows, width)]


def _partition(one: PartitionFacts) -> list[str]:
    figures = [_ABSENT if number is None else count(number) for number in (one.end, one.committed, one.lag)]
    return [str(one.number), *figures]


def _in_sync(one: PartitionFacts) -> str:
    """Name the in-sync brokers of a partition; with "in sync/replicas" counts if some replicas are missing."""
    named = ",".join(map(str, one.in_sync))
    return named if len(one.in_sync) >= len(one.replicas) else f"{named} ({len(one.in_sync)}/{len(one.replicas)})"


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[Content]:
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    gap = "  " if sum(widths) + 2 * (len(widths) - 1) <= width else " "

    def line(cells: Sequence[str]) -> str:
        return gap.join(f"{cell:>{room}}" for cell, room in zip(cells, widths, strict=True))

    return [_muted(line(titles)), *(Content(line(row)) for row in rows)]


def _group(facts: KafkaFacts) -> list[Content]:
    lines = _heading(say("Group {name}").format(name=readable(facts.group_name)), Server.KAFKA)
    group = facts.group
    if facts.group_trouble or group is None:
        return [*lines, Content.styled(readable(say(facts.group_trouble)), "$text-warning")]
    if group.is_hidden:
        told = say("a group of Kafka's newer protocol: it names no members to this program")
        return [*lines, Content.styled(told, "$text-warning")]
    if not group.members:
        return [*lines, Content.styled(say("no member: nobody reads at the moment"), "$text-warning")]
    lines.append(Content(say_count("{count} member", "{count} members", len(group.members)) + f" · {group.state}"))
    for member in group.members:
        lines += _member(member)
    return lines


def _member(member: Member) -> list[Content]:
    who = say("{client} at {host}").format(client=readable(member.client_id), host=readable(member.host))
    lines = [Content.styled(who, "bold")]
    if member.is_engine is False:
        lines.append(Content.styled(say("another program, no engine"), "$text-warning"))
    if member.is_engine is None:
        lines.append(_muted(say("the group is handing its partitions out")))
    elif member.places:
        lines.append(_muted(f"  {_places(member.places)}"))
    else:
        lines.append(_muted(say("has no partition")))
    return lines


def _places(places: Iterable[tuple[str, int]]) -> str:
    """Format topics with their partitions: `stock 0-3,5 · event 0`."""
    by_topic: Mapping[str, list[int]] = {
        topic: [partition for _, partition in own] for topic, own in groupby(places, key=_topic_of)
    }
    return " · ".join(f"{readable(topic)} {_spans(numbers)}" for topic, numbers in by_topic.items())


def _topic_of(place: tuple[str, int]) -> str:
    return place[0]


def _spans(numbers: Sequence[int]) -> str:
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in spans)


def _strapi(facts: StrapiFacts) -> list[Content]:
    lines = _heading(say("Kind"), Server.STRAPI)
    if facts.kind_trouble:
        lines.append(Content.styled(readable(say(facts.kind_trouble)), "$text-warning"))
    elif facts.kind is None:
        lines.append(Content(say("not known yet: it has no ledger, and no product that would tell")))
    else:
        told = say("{kind}; products are named by {name}")
        lines.append(Content(told.format(kind=say(_KINDS[facts.kind]), name=_NAMED_BY[facts.kind])))
    lines += _heading(say("Token and rights"), Server.STRAPI)
    for finding in facts.findings:
        sign, colour = ("✓", "$text-success") if finding.ok else ("✗", "$text-error")
        lines.append(Content.assemble((f"{sign} ", colour), readable(say(finding.what))))
        if finding.advice:
            lines.append(Content.styled(f"  → {readable(say(finding.advice))}", "$text-warning"))
    return lines
