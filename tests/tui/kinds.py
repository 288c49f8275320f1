"""Pictures of the main screen: `.venv/bin/python -m tests.tui.kinds FOLDER [KIND] [WIDTHxHEIGHT] [THEME] [LANGUAGE]`.

What a picture shows is written into a real journal, so that a picture can be had without servers of what takes minutes
on them: some thousand movements at 50/s, Strapi away for 18 s, refused ones.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PIL import Image, ImageDraw, ImageFont
from rich.cells import cell_len

from bridge.journal import Connection, DeadLetter, Hop, Server, State, Verdict
from bridge.movement import Movement, Reason, encode_movement
from bridge.phrase import Phrase
from bridge.settings import Preset, ScreenSettings, Settings
from bridge.simulator import SimulatorStatus
from tests.tui.looking import main_screen
from tests.tui.scripted import ScriptedEngine
from tests.tui.server_facts import server_facts
from tui.app import OpsciApp
from tui.language import speak
from tui.recording.frames import find_font
from tui.recording.staged import staged_products

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from rich.segment import Segment
    from textual.app import App
    from textual.pilot import Pilot

_RATE: Final = 50
_CELL: Final = (10, 20)
_FONTS: Final = {False: "DejaVuSansMono.ttf", True: "DejaVuSansMono-Bold.ttf"}


def _empty(engine: ScriptedEngine) -> None:
    engine.stock_up(*staged_products(time.time()))
    for server in Server:
        engine.connect(server, State.UP)
    engine.told |= server_facts()
    engine.journal.lag = 0


def _rates(engine: ScriptedEngine, seconds: int = 400, *, strapi: bool = True) -> None:
    """Set the counters as if fifty a second had passed for a number of seconds."""
    journal, now = engine.journal, time.monotonic()
    for counted in (journal.received, journal.produced, journal.answered):
        # As if it had begun to count so long ago.
        counted._began = counted._second = int(now) - seconds
    for passed in range(seconds, -1, -1):
        most = min(_RATE, 10 + 4 * (seconds - passed))
        journal.received.add(most, now - passed)
        journal.produced.add(most, now - passed)
        journal.answered.add(most if strapi or passed > 18 else 0, now - passed)
        journal.to_kafka.note(passed % 3, now - passed)
        journal.to_strapi.note(passed % 7 if strapi or passed > 18 else 50 * (18 - passed), now - passed)
        for hop, typical in ((Hop.INGEST, 0.004), (Hop.KAFKA, 0.002), (Hop.APPLY, 0.007), (Hop.TOTAL, 0.013)):
            if passed > 18 or strapi or hop is Hop.INGEST:
                journal.latency[hop].record(typical * (1 + passed % 11 / 5), most, now - passed)


def _go_on(engine: ScriptedEngine, since: float, *, strapi: bool) -> None:
    """Count on at the rate for the seconds that a slow machine needed to open the screen."""
    journal, now = engine.journal, time.monotonic()
    for passed in reversed(range(int(now) - int(since))):
        journal.received.add(_RATE, now - passed)
        journal.produced.add(_RATE, now - passed)
        journal.answered.add(_RATE if strapi else 0, now - passed)


def _account(engine: ScriptedEngine) -> None:
    """Count as applied what was received and neither waits nor was refused."""
    journal = engine.journal
    journal.verdicts[Verdict.APPLIED] = journal.received.total - journal.lag - journal.verdicts[Verdict.REJECTED]


def _some(engine: ScriptedEngine, *, strapi: bool = True) -> None:
    """About twenty movements of the last seconds, the last of them decided only if Strapi is up."""
    moved = (
        (14, -2),
        (3, -1),
        (12, 3),
        (10, -1),
        (999, 5),
        (5, 3),
        (3, -1),
        (16, 3),
        (15, 2),
        (4, 3),
        (18, -2),
        (13, -3),
    )
    now = time.time()
    for place, (product, amount) in enumerate(moved * 2):
        movement = Movement(str(product), abs(amount), "IN" if amount > 0 else "OUT")
        payload = b"Hello mqtt7" if place == 9 else encode_movement(movement)
        journey = engine.journey(payload)
        journey.received_at = now - 5 + place / 5
        engine.journal.arrived([journey])
        if journey.rejection is not None:
            engine.reject([journey], journey.rejection.reason, journey.rejection.text)
            continue
        engine.acknowledge([journey], place % 6)
        journey.consumed_at = (journey.acknowledged_at or now) + 0.003
        if strapi or place < 12:
            found = engine.journal.stock.find(str(product))
            if found is not None and found.stock + amount < 0:
                had = Phrase("stock is {stock}, the movement takes {amount}", stock=found.stock, amount=-amount)
                engine.reject([journey], Reason.INSUFFICIENT_STOCK, had)
            elif product == 999:
                engine.reject([journey], Reason.UNKNOWN_PRODUCT, Phrase("no product has the id {product}", product=999))
            else:
                engine.apply([journey])
    engine.old_letters = [
        DeadLetter(journey, f"mqtt {journey.mqtt_topic}", journey.received_at or now, 0, place)
        for place, journey in enumerate(engine.journal.mqtt.slice(0, engine.journal.mqtt.next))
        if journey.rejection is not None
    ]
    for hop, seconds in ((Hop.INGEST, 0.004), (Hop.KAFKA, 0.002), (Hop.APPLY, 0.007), (Hop.TOTAL, 0.024)):
        engine.journal.latency[hop].record(seconds, 100)


def _history(engine: ScriptedEngine) -> None:
    """What the ledger has of the second product: a movement every three minutes of the last hour."""
    stock = 46
    for place in range(20):
        amount = (5, -8, 3, -4, 6, -7, 2)[place % 7]
        movement = Movement("2", abs(amount), "IN" if amount > 0 else "OUT")
        journey = engine.journey(encode_movement(movement))
        journey.kafka_topic, journey.partition, journey.offset = "stock", 2, 3 + place
        journey.stock_before, journey.stock_after = stock, stock + amount
        stock += amount
        journey.verdict, journey.decided_at = Verdict.APPLIED, time.time() - 3_500 + 170 * place
        engine.ledger.append(journey)


def _live(engine: ScriptedEngine) -> None:
    _empty(engine)
    _history(engine)
    _rates(engine)
    _some(engine)
    engine.simulation = SimulatorStatus(running=True, objects=20, rate=_RATE, sent=3_767, per_second=_RATE)
    engine.journal.lag = 0


def _down(engine: ScriptedEngine) -> None:
    _empty(engine)
    _some(engine, strapi=False)
    # What was applied was so before Strapi went.
    engine.journal.answered = type(engine.journal.answered)()
    _rates(engine, strapi=False)
    engine.simulation = SimulatorStatus(running=True, objects=20, rate=_RATE, sent=3_767, per_second=_RATE)
    engine.journal.connections[Server.STRAPI] = Connection(
        State.DOWN,
        "http://127.0.0.1:1337",
        time.time() - 18,
        Phrase("nothing answers at {address}", address="http://127.0.0.1:1337"),
        Phrase("movements wait; start it again"),
    )
    engine.journal.lag = 928


def _starting(engine: ScriptedEngine) -> None:
    """The servers are being started by the runner that opened the screen; the broker answers already."""
    details = {
        Server.MQTT: (State.STARTED, Phrase("answers, waits for others")),
        Server.KAFKA: (State.STARTING, Phrase("no answer yet on port {port}", port=9092)),
        Server.STRAPI: (State.STARTING, Phrase("its files are prepared")),
    }
    for server, (state, detail) in details.items():
        engine.journal.connections[server] = Connection(state, "", time.time() - 3, detail)


def _failed(engine: ScriptedEngine) -> None:
    """Kafka did not start."""
    cause = Phrase("port {port} is taken: {who} answers there", port=9092, who="java (pid 4711)")
    for server in Server:
        engine.connect(server, State.OFF)
    engine.journal.connections[Server.KAFKA] = Connection(State.FAILED, "", time.time() - 3, cause)
    engine.journal.notes["start"] = Phrase(
        "{name} did not start: {cause}. Its log is {log}. The other servers were stopped again; quit, fix it and run "
        "again",
        name="kafka",
        cause=cause,
        log="/home/me/.local/share/opsci/logs/kafka.log",
    )


KINDS: Final[dict[str, Callable[[ScriptedEngine], None]]] = {
    "empty": _empty,
    "live": _live,
    "down": _down,
    "starting": _starting,
    "failed": _failed,
}
"""What the journal holds, by the picture's name."""


PRESETS: Final = (Preset("un carton", 24, "2"), Preset("vendu", -1), Preset("retour de prêt", 5, "7"))


async def send(engine: ScriptedEngine, pilot: Pilot[None], product: str, amount: str) -> None:
    """Send a movement from the form and process it as far as Strapi's state allows."""
    form = main_screen(pilot.app).form  # type: ignore[arg-type]
    await pilot.press("4")
    form.fields.put(product, amount)
    await pilot.press("enter")
    payload, answer = engine.published[-1]
    journey = engine.journey(payload)
    ours = engine.journey(payload)
    ours.movement_id, ours.received_at = journey.movement_id, None
    ours.published_at = (journey.received_at or 0.0) - 0.004
    engine.journal.published(ours)
    answer.set_result(ours)
    engine.journal.arrived([journey])
    engine.acknowledge([journey], 2)
    product_found = engine.journal.stock.find(product)
    if engine.journal.connections[Server.STRAPI].state is not State.UP:
        return
    if product_found is not None and product_found.stock + int(amount) < 0:
        journey.consumed_at = (journey.acknowledged_at or 0.0) + 0.003
        stock, taken = product_found.stock, -int(amount)
        had = Phrase("stock is {stock}, the movement takes {amount}", stock=stock, amount=taken)
        engine.reject([journey], Reason.INSUFFICIENT_STOCK, had)
        letter = DeadLetter(journey, f"kafka stock/2@{journey.offset}", time.time(), 0, len(engine.old_letters))
        engine.journal.errors.append(letter)
    else:
        engine.apply([journey])
        journey.decided_at = (journey.acknowledged_at or 0.0) + 0.014


@asynccontextmanager
async def opened(kind: str, size: tuple[int, int], theme: str, state: str = "") -> AsyncIterator[Pilot[None]]:
    """Open the screen with a kind of content.

    Args:
        kind: one of `KINDS`.
        size: columns and rows.
        theme: one of `tui.theme.theme_names`.
        state: `watches` for a screen beside another engine, `presets` for one with presets, `local` where quitting
            stops servers; empty for none of these.
    """
    presets = [*PRESETS] if state == "presets" else []
    engine = ScriptedEngine(Settings(screen=ScreenSettings(frames=30, theme=theme, presets=presets)))
    KINDS[kind](engine)
    if state == "watches":
        engine.watches = True
        engine.journal.notes["watching"] = Phrase(
            "watching: another engine carries this chain ({who})", who="opsci-bridge at classroom"
        )
    app = OpsciApp(engine)
    app.asks_about_servers = state == "local"
    began = time.monotonic()
    async with app.run_test(size=size) as pilot:
        if kind in {"live", "down"}:
            await send(engine, pilot, "2", "-16")
            await send(engine, pilot, "3", "-40")
            await send(engine, pilot, "2", "+5")
            await pilot.press("escape", "1", "up")
            _go_on(engine, began, strapi=kind == "live")
            _account(engine)
        main_screen(app).answered()
        await pilot.pause(0.3)
        yield pilot


def lines_of(app: App[None]) -> list[list[Segment]]:
    """What the terminal shows, line by line."""
    return [list(strip) for strip in app.screen._compositor.render_strips()]


async def _taken(kind: str, size: tuple[int, int], theme: str, keys: tuple[str, ...]) -> list[list[Segment]]:
    async with opened(kind, size, theme) as pilot:
        await pilot.press(*keys)
        await pilot.pause(0.3)
        return lines_of(pilot.app)


def drawn(lines: list[list[Segment]]) -> Image.Image:
    """Draw lines of segments as a picture."""
    width, height = _CELL
    size = sum(cell_len(segment.text) for segment in lines[0])
    image = Image.new("RGB", (size * width, len(lines) * height), "#000000")
    draw = ImageDraw.Draw(image)
    fonts = {bold: ImageFont.truetype(str(find_font(name)), 16) for bold, name in _FONTS.items()}
    for y, line in enumerate(lines):
        for x, character, segment in _cells(line):
            style = segment.style
            ink, ground = "#e6edf3", "#0d1117"
            if style is not None and style.color is not None:
                ink = style.color.get_truecolor().hex
            if style is not None and style.bgcolor is not None:
                ground = style.bgcolor.get_truecolor().hex
            if style is not None and style.reverse:
                ink, ground = ground, ink
            left, top = x * width, y * height
            cells = max(1, cell_len(character))
            draw.rectangle((left, top, left + cells * width - 1, top + height - 1), fill=ground)
            draw.text((left, top + 1), character, font=fonts[bool(style and style.bold)], fill=ink)
    return image


def _cells(line: list[Segment]) -> Iterator[tuple[int, str, Segment]]:
    x = 0
    for segment in line:
        for character in segment.text:
            yield x, character, segment
            x += cell_len(character)


def main() -> None:
    """Take the requested pictures."""
    folder = Path(sys.argv[1])
    kinds = [sys.argv[2]] if len(sys.argv) > 2 else list(KINDS)
    width, height = map(int, (sys.argv[3] if len(sys.argv) > 3 else "120x40").split("x"))
    theme = sys.argv[4] if len(sys.argv) > 4 else "opsci-dark"
    language = sys.argv[5] if len(sys.argv) > 5 else "en"
    keys = tuple(sys.argv[6].split(",")) if len(sys.argv) > 6 else ()
    speak(language)
    folder.mkdir(parents=True, exist_ok=True)
    # A view that somebody chose before is not for a picture.
    state = tempfile.mkdtemp()
    os.environ["XDG_STATE_HOME"] = state
    for kind in kinds:
        lines = asyncio.run(_taken(kind, (width, height), theme, keys))
        name = f"{kind}-{width}x{height}-{theme}-{language}{'-' if keys else ''}{'-'.join(keys)}.png"
        drawn(lines).save(folder / name)


if __name__ == "__main__":
    main()
