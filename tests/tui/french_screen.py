"""Prints the screen in French, in a separate process: `python -m tests.tui.french_screen COLUMNS ROWS`."""

from __future__ import annotations

import asyncio
import sys

from bridge.journal import Server, State
from bridge.phrase import Phrase
from tests.tui.looking import main_screen, screen_text, until
from tests.tui.scripted import ScriptedEngine
from tui.app import OpsciApp
from tui.language import speak


async def show(size: tuple[int, int]) -> None:
    """Pass some movements through while Kafka is down, and print the main screen and the help."""
    engine = ScriptedEngine()
    app = OpsciApp(engine)
    async with app.run_test(size=size) as pilot:
        engine.stock_up()
        for server in (Server.MQTT, Server.STRAPI):
            engine.connect(server, State.UP)
        engine.connect(Server.KAFKA, State.DOWN, Phrase("the connection to {url} was closed", url="kafka:9092"))
        journeys = engine.receive(1_204)
        engine.acknowledge(journeys)
        engine.apply(journeys)
        await until(pilot, lambda: main_screen(app).mqtt.rows == len(journeys))
        await pilot.press("up")
        await pilot.pause()
        print(screen_text(app))  # noqa: T201 - what it is for
        await pilot.press("question_mark")
        await pilot.pause()
        print(screen_text(app))  # noqa: T201


if __name__ == "__main__":
    speak("fr")
    asyncio.run(show((int(sys.argv[1]), int(sys.argv[2]))))
