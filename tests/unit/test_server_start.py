"""The start of the servers as the screen's engine hears of it: what the journal says, and what calls come to."""

from __future__ import annotations

import asyncio
import io
import socket
import time
from typing import TYPE_CHECKING

import pytest

from bridge.embedded import EmbeddedChain
from bridge.errors import ChainStoppedError
from bridge.journal import Journal, Server, State
from bridge.movement import Movement, encode_movement
from bridge.phrase import Phrase
from bridge.server_start import ServerStart
from bridge.settings import Settings
from bridge.start_lines import Phase, StartLine, say_start
from stack.report import Report

if TYPE_CHECKING:
    from collections.abc import Iterator

MOVE = encode_movement(Movement("3", 1, "IN"))
KAFKA_FAILED = StartLine(Phase.FAILED, "kafka", "kafka", cause="the disk is full", log="/state/logs/kafka.log")


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, ServerStart]]:
    runner, screen = socket.socketpair()
    start = ServerStart(screen.detach())
    with runner:
        yield runner, start
    start._runner.close()


def states(journal: Journal) -> dict[Server, State]:
    return {server: connection.state for server, connection in journal.connections.items()}


async def heard(journal: Journal, start: ServerStart, runner: socket.socket, *lines: StartLine) -> asyncio.Task[bool]:
    """Say lines and wait until the last of them is in the journal."""
    start.begin(journal)
    task = asyncio.create_task(start.wait(journal))
    for line in lines:
        say_start(runner, line)
    names = {line.name for line in lines if line.server}
    while start.all_started is None and len(start._phases) < len(names):  # noqa: ASYNC110 - a pass of the loop reads it
        await asyncio.sleep(0)
    return task


async def test_each_connection_says_what_its_server_waits_for(pair: tuple[socket.socket, ServerStart]) -> None:
    runner, start = pair
    journal = Journal()
    lines = (
        StartLine(Phase.STARTED, "mosquitto", "mqtt"),
        StartLine(Phase.STARTED, "websockets", "mqtt"),
        StartLine(Phase.STARTED, "kafka", "kafka"),
        StartLine(Phase.ANSWER, "kafka-2", "kafka", port=9094),
        StartLine(Phase.PREPARES, "web"),
        StartLine(Phase.CATALOGUE, "strapi", "strapi"),
    )
    task = await heard(journal, start, runner, *lines)
    assert states(journal) == {
        Server.MQTT: State.STARTED,
        Server.KAFKA: State.STARTING,
        Server.STRAPI: State.STARTING,
    }
    assert journal.connections[Server.KAFKA].detail == "no answer yet on port 9094"
    assert journal.connections[Server.STRAPI].detail == "the catalogue is put in"
    say_start(runner, StartLine(Phase.ALL_STARTED))
    assert await task
    assert set(states(journal).values()) == {State.CONNECTING}
    assert await start.wait(journal), "another chain finds it done"


async def test_why_a_server_failed_can_be_said_in_another_language(pair: tuple[socket.socket, ServerStart]) -> None:
    runner, start = pair
    journal = Journal()
    cause = Phrase("port {port} is taken: {who} answers there", port=9092, who=Phrase("another user's program"))
    task = await heard(journal, start, runner, StartLine(Phase.FAILED, "kafka", "kafka", cause=cause, log="/kafka.log"))
    assert not await task
    detail = journal.connections[Server.KAFKA].detail
    assert isinstance(detail, Phrase)
    assert detail == "port 9092 is taken: another user's program answers there"
    french = {cause.sentence: "{who} a le port {port}", "another user's program": "un autre"}
    assert detail.said(lambda text: french.get(text, text)) == "un autre a le port 9092"


async def test_a_server_that_fails_is_named_with_its_reason_and_its_log(
    pair: tuple[socket.socket, ServerStart],
) -> None:
    runner, start = pair
    journal = Journal()
    assert not await (await heard(journal, start, runner, KAFKA_FAILED))
    assert states(journal) == {Server.MQTT: State.OFF, Server.KAFKA: State.FAILED, Server.STRAPI: State.OFF}
    assert "kafka did not start: the disk is full. Its log is /state/logs/kafka.log." in journal.notes["start"]


async def test_a_runner_that_ends_is_a_start_that_failed(pair: tuple[socket.socket, ServerStart]) -> None:
    runner, start = pair
    journal = Journal()
    task = asyncio.create_task(start.wait(journal))
    await asyncio.sleep(0)
    runner.close()
    assert not await task
    assert "the runner ended" in journal.notes["start"]


def test_the_runner_hears_that_the_screen_is_there(pair: tuple[socket.socket, ServerStart]) -> None:
    runner, start = pair
    chain = EmbeddedChain(Settings(), starting=start)
    assert set(states(chain.journal).values()) == {State.STARTING}, "from the first frame on"
    chain.start()
    runner.settimeout(60)
    assert runner.recv(10)
    began = time.monotonic()
    chain.stop(deadline=60)
    assert not chain.running
    assert time.monotonic() - began < 50, "it does not wait for servers that come later"


def test_what_is_asked_meanwhile_waits_and_is_refused_where_a_server_fails(
    pair: tuple[socket.socket, ServerStart],
) -> None:
    runner, start = pair
    chain = EmbeddedChain(Settings(), starting=start)
    chain.start()
    sent = chain.publish(MOVE)
    with pytest.raises(TimeoutError):
        sent.result(0.1)
    say_start(runner, KAFKA_FAILED)
    with pytest.raises(ChainStoppedError):
        sent.result(60)
    chain._thread.join(60)
    assert not chain.running


def test_saying_something_to_a_screen_that_has_ended_is_no_error(pair: tuple[socket.socket, ServerStart]) -> None:
    runner, start = pair
    start._runner.close()
    say_start(runner, KAFKA_FAILED)
    say_start(runner, KAFKA_FAILED)


def test_a_covered_report_keeps_its_notes_and_nothing_else() -> None:
    said = io.StringIO()
    report = Report(said)
    report.cover()
    with report.step("start kafka"):
        report.note("moved to port 9100")
    assert not said.getvalue()
    report.uncover()
    assert said.getvalue() == "moved to port 9100\n"
    report.note("more")
    assert said.getvalue().endswith("more\n")
