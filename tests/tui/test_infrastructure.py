"""The infrastructure window: what each server told, when, and what it says where one tells nothing or not all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.errors import UnreachableError
from bridge.infrastructure.facts import PartitionFacts, TopicFacts
from bridge.journal import Connection, Server, State
from bridge.kafka.group import Group, Member
from bridge.phrase import Phrase
from tests.tui.looking import main_screen, screen_text, until
from tests.tui.marks import NARROW, TOASTS
from tests.tui.server_facts import KAFKA, MQTT, server_facts
from tui.format import clock
from tui.infrastructure import server_text
from tui.recording.servers import ServerCommandError
from tui.screens.infrastructure import InfrastructureScreen

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from tests.tui.scripted import ScriptedEngine
    from tui.app import OpsciApp


async def opened(app: OpsciApp, pilot: Pilot[None], *, key: str = "i") -> None:
    await pilot.press(key)
    await until(pilot, lambda: isinstance(app.screen, InfrastructureScreen))


async def test_each_server_stands_with_what_it_told_and_when(
    app: OpsciApp, pilot: Pilot[None], engine: ScriptedEngine
) -> None:
    engine.told |= server_facts()
    await opened(app, pilot)
    await until(pilot, lambda: "Token and rights" in screen_text(app) and "Mosquitto 2.0.18" in screen_text(app))
    shown = screen_text(app)
    assert shown.count(f"read at {clock(MQTT.at)}") == 3
    for told in (
        "stock  lag 928",
        "    3  1,207        279  928",
        "errors  no group reads it",
        "opsci-bridge at 127.0.0.1",
        "event 0 · product 0 · stock 0-5",
        "clients connected  7",
        "messages dropped   0",
        "Strapi 5 with the ledger",
        "✓ the token may make events",
    ):
        assert told in shown, shown


async def test_a_figure_that_the_broker_tells_no_longer_is_shown_as_such(
    app: OpsciApp, pilot: Pilot[None], engine: ScriptedEngine
) -> None:
    """Mosquitto 2.0 forgets what has not changed for a minute."""
    told = {name: value for name, value in MQTT.told.items() if name != "clients/connected"}
    engine.told |= {**server_facts(), Server.MQTT: MQTT._replace(told=told)}
    await opened(app, pilot)
    await until(pilot, lambda: "clients connected  ·" in screen_text(app))


async def test_servers_are_asked_while_it_is_open_and_only_then(
    app: OpsciApp, pilot: Pilot[None], engine: ScriptedEngine
) -> None:
    engine.told |= server_facts()
    await pilot.pause()
    assert not engine.calls
    await opened(app, pilot)
    await until(pilot, lambda: engine.calls.count("read_facts kafka") == 2)
    for key in ("q", "i", "escape", "i", "i"):
        await pilot.press(key)
        await pilot.pause()
    assert app.screen is main_screen(app)
    assert app.is_running
    asked = len(engine.calls)
    await pilot.pause(4)
    assert len(engine.calls) == asked


async def test_a_server_that_does_not_answer_says_why_and_blocks_no_other(
    app: OpsciApp, pilot: Pilot[None], engine: ScriptedEngine
) -> None:
    engine.told |= server_facts()
    await opened(app, pilot)
    await until(pilot, lambda: "stock  lag 928" in screen_text(app))
    what = Phrase("no Kafka answers at {broker}: {error}", broker="127.0.0.1:9092", error="gone")
    engine.told[Server.KAFKA] = UnreachableError("kafka", what, Phrase("is Kafka running there?"))
    engine.connect(Server.KAFKA, State.DOWN, "nothing answers there")
    await until(pilot, lambda: "no Kafka answers at 127.0.0.1:9092: gone" in screen_text(app))
    shown = screen_text(app)
    assert "→ is Kafka running there?" in shown
    assert f"down since {clock(engine.journal.connections[Server.KAFKA].since)}" in shown
    # What it said last is still there, and says of when it is.
    assert f"as it was at {clock(KAFKA.at)}" in shown
    assert "stock  lag 928" in shown
    assert shown.count("read at") == 2
    engine.told[Server.KAFKA] = KAFKA._replace(at=KAFKA.at + 60)
    await until(pilot, lambda: screen_text(app).count("read at") == 3)
    assert "no Kafka answers" not in screen_text(app)


async def test_one_that_never_answers_says_that_it_is_asked(
    app: OpsciApp, pilot: Pilot[None], engine: ScriptedEngine
) -> None:
    engine.told |= server_facts() | {Server.MQTT: None}
    await opened(app, pilot)
    await until(pilot, lambda: "Token and rights" in screen_text(app))
    assert screen_text(app).count("being asked") == 1


async def test_what_a_user_may_not_see_is_said_plainly(
    app: OpsciApp, pilot: Pilot[None], engine: ScriptedEngine
) -> None:
    refused = Phrase(
        "not allowed for user {user!r}: {what}", user="engine", what=Phrase("to read {topic}", topic="$SYS")
    )
    engine.told |= server_facts()
    engine.told[Server.MQTT] = MQTT._replace(told={}, told_trouble=refused, retained=(), refused=("topic",))
    engine.told[Server.KAFKA] = KAFKA._replace(group=None, group_trouble=refused)
    await opened(app, pilot)
    await until(pilot, lambda: screen_text(app).count("not allowed for user") == 2)
    shown = screen_text(app)
    assert "none that this user may read" in shown
    assert "the broker lets this user not" in shown
    assert "stock  lag 928" in shown


@pytest.mark.parametrize("size", [(120, 40)])
async def test_several_brokers_stand_with_leaders_and_what_is_in_sync(
    app: OpsciApp, pilot: Pilot[None], engine: ScriptedEngine
) -> None:
    parts = (PartitionFacts(0, 7, 5, 2, (1, 2, 3), (1, 2, 3)), PartitionFacts(1, 9, None, -1, (1, 2, 3), (2,)))
    other = Member("kcat", "10.0.0.7", frozenset({"stock"}), 1, is_engine=False, places=(("stock", 0), ("stock", 2)))
    engine.told |= server_facts()
    engine.told[Server.KAFKA] = KAFKA._replace(
        brokers={1: "a:9092", 2: "b:9092", 3: "c:9092"},
        controller=3,
        topics=(TopicFacts("stock", parts), TopicFacts("gone", trouble=Phrase("there is no such topic"))),
        group=Group("opsci", "Stable", "consumer", "range", (other,)),
    )
    await opened(app, pilot)
    await until(pilot, lambda: "controller" in screen_text(app))
    shown = screen_text(app)
    assert "    0    7          5    2       2    1,2,3" in shown
    assert "    1    9          -    -    none  2 (1/3)" in shown
    assert "there is no such topic" in shown
    assert "another program, no engine" in shown
    assert "stock 0,2" in shown


@NARROW
async def test_where_there_is_no_room_one_stands_at_a_time(
    app: OpsciApp, pilot: Pilot[None], engine: ScriptedEngine
) -> None:
    engine.told |= server_facts()
    engine.connect(Server.STRAPI, State.DOWN)
    await opened(app, pilot)
    await until(pilot, lambda: "stock  lag 928" in screen_text(app))
    shown = screen_text(app)
    assert "1 MQTT ● ━▶  2 Kafka ● ━▶  3 Strapi  DOWN" in shown
    assert "Token and rights" not in shown
    await pilot.press("3")
    await until(pilot, lambda: "Token and rights" in screen_text(app))
    await pilot.press("tab")
    await until(pilot, lambda: "clients connected" in screen_text(app))


class Turned:
    """Stands where the runner stands, which tests/tui/test_recording_session.py and the real films call."""

    def __init__(self, engine: ScriptedEngine, *, fails: bool = False) -> None:
        self._engine = engine
        self._fails = fails
        self.calls: list[str] = []

    async def stop(self, name: str) -> None:
        self.calls.append(f"stop {name}")
        if self._fails:
            raise ServerCommandError("stop kafka: no such server")
        self._engine.connect(Server.KAFKA, State.DOWN)

    async def start(self, name: str) -> None:
        self.calls.append(f"start {name}")
        self._engine.connect(Server.KAFKA, State.UP)


async def test_a_server_of_ours_is_stopped_after_a_question_and_started_again(
    app: OpsciApp, pilot: Pilot[None], engine: ScriptedEngine
) -> None:
    engine.told |= server_facts()
    servers = Turned(engine)
    app.push_screen(InfrastructureScreen(engine, servers))
    await until(pilot, lambda: "stock  lag 928" in screen_text(app))
    assert "stop / start" in screen_text(app)
    await pilot.press("S", "n")
    assert servers.calls == []
    await pilot.press("S")
    await until(pilot, lambda: "Stop Kafka?" in screen_text(app))
    await pilot.press("y")
    await until(pilot, lambda: servers.calls == ["stop kafka"] and "down since" in screen_text(app))
    await pilot.press("S")
    await until(pilot, lambda: servers.calls == ["stop kafka", "start kafka"])


@TOASTS
async def test_what_the_runner_says_against_it_is_shown(
    app: OpsciApp, pilot: Pilot[None], engine: ScriptedEngine
) -> None:
    app.push_screen(InfrastructureScreen(engine, Turned(engine, fails=True)))
    await pilot.press("S", "y")
    await until(pilot, lambda: "stop kafka: no such server" in screen_text(app))


async def test_servers_of_others_are_not_stopped(app: OpsciApp, pilot: Pilot[None], engine: ScriptedEngine) -> None:
    engine.told |= server_facts()
    await opened(app, pilot)
    await until(pilot, lambda: "stock  lag 928" in screen_text(app))
    assert "stop / start" not in screen_text(app)
    assert app.own_servers is None
    app.asks_about_servers = True
    assert app.own_servers is not None


@pytest.mark.parametrize("state", State)
def test_every_state_of_a_connection_has_words(state: State) -> None:
    said = server_text(Connection(state, "here:1", 1.0), None, None, 40).plain
    assert said.split("\n")[0]
