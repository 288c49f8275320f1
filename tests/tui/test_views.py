"""The main screen as a whole: its three views, its sizes, its messages during an outage, and what covers what."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from textual.widgets._toast import Toast

from bridge.journal import Server, State
from tests.tui.kinds import lines_of, opened
from tests.tui.looking import main_screen, screen_text, until, widget_text
from tests.tui.marks import TOASTS
from tui.app import OpsciApp
from tui.language import speak
from tui.view_choice import PANES, VIEWS, ViewChoice
from tui.widgets.large_digits import large

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot

    from tests.tui.scripted import ScriptedEngine


async def test_v_goes_through_three_views_and_the_choice_is_remembered(
    engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]
) -> None:
    screen = main_screen(app)
    engine.flow(3)
    assert [pane.display for pane in screen.panes] == [True, True, True]
    await pilot.press("v")
    await until(pilot, lambda: [pane.display for pane in screen.panes] == [True, False, True])
    await until(pilot, lambda: "●━●━●" in widget_text(screen.mqtt))
    await pilot.press("v")
    await until(pilot, lambda: screen.query_one("#stage").display)
    assert not screen.query_one("#panes").display
    await until(pilot, lambda: "MQTT ●" in screen_text(app) and "3 applied" in screen_text(app))
    again = OpsciApp(engine)
    async with again.run_test(size=(120, 40)) as second:
        await until(second, lambda: main_screen(again).query_one("#stage").display)
        await second.press("v")
        await until(second, lambda: [pane.display for pane in main_screen(again).panes] == [True, True, True])


async def test_a_panes_key_leaves_a_view_that_has_no_such_pane(app: OpsciApp, pilot: Pilot[None]) -> None:
    screen = main_screen(app)
    for views in (1, 2):
        await pilot.press(*("v",) * views, "2")
        await until(pilot, lambda: screen.panes[1].display and screen.kafka.has_focus)


@pytest.mark.parametrize("size", [(60, 15), (50, 12), (20, 5)])
async def test_the_stage_keeps_working_where_there_is_no_room_for_it(size: tuple[int, int]) -> None:
    async with opened("live", size, "opsci-dark") as pilot:
        app = pilot.app
        assert isinstance(app, OpsciApp)
        await pilot.press("v", "v")
        await until(pilot, lambda: main_screen(app).query_one("#stage").display)
        if size[0] >= 50:
            # The three boxes stand side by side: no line of them is broken.
            await until(pilot, lambda: any(line.count("┏") == 3 for line in screen_text(app).split("\n")))
        await pilot.press("v")
        await until(pilot, lambda: main_screen(app).panes[0].display)


async def test_the_form_opens_over_the_stage(app: OpsciApp, pilot: Pilot[None]) -> None:
    form = main_screen(app).form
    await pilot.press("v", "v")
    await until(pilot, lambda: not form.display)
    await pilot.press("4", *"12")
    await until(pilot, lambda: form.display and form.product.value == "12")
    await pilot.press("escape", "escape")
    await until(pilot, lambda: not form.display)


@pytest.mark.parametrize("kept", ["", "nothing\n", "stage\n" * 99, "\xff"])
def test_a_kept_view_that_is_none_counts_as_none(tmp_path: Path, kept: str) -> None:
    (tmp_path / "view").write_text(kept, encoding="latin-1")
    assert ViewChoice(tmp_path / "view").view == PANES


def test_a_view_is_kept(tmp_path: Path) -> None:
    for view in VIEWS:
        ViewChoice(tmp_path / "state" / "view").choose(view)
        assert ViewChoice(tmp_path / "state" / "view").view == view
    (tmp_path / "file").write_text("")
    ViewChoice(tmp_path / "file" / "view").choose(PANES)


@pytest.mark.parametrize("number", [0, 7, 28, 3_767, 12_345_678, 123_456_789_012])
@pytest.mark.parametrize("room", [10, 34])
def test_large_digits_fill_their_room_and_no_more(number: int, room: int) -> None:
    lines = [
        "".join(part[0] if isinstance(part, tuple) else part.plain for part in line)
        for line in large(number, room, "$text")
    ]
    assert [len(line) for line in lines] == [room] * 5


async def test_a_server_that_is_away_is_said_with_the_same_number_everywhere() -> None:
    async with opened("down", (120, 40), "opsci-dark") as pilot:
        app = pilot.app
        assert isinstance(app, OpsciApp)
        screen = main_screen(app)
        text = screen_text(app)
        assert re.search(r"3 Strapi +DOWN \d+ s ", text)
        assert "928 wait for Strapi" in widget_text(screen.panes[1].query_one(".head"))
        assert re.search(
            r"Strapi does not answer since \d\d:\d\d:\d\d\. 928 movements wait safely in Kafka; all are", text
        )
        assert re.search(r"as of \d\d:\d\d:\d\d", widget_text(screen.panes[2].query_one(".head")))
        assert "◌ waits for Strapi" in widget_text(screen.query_one("#way"))
        assert [widget_text(arrow).split()[0] for arrow in screen.arrows] == ["━━━━▶", "╌╌╌╌╌"]
        refused = app.theme_variables["refused"].lower()
        assert screen.panes[2].styles.border_left[1].hex6.lower() == refused


async def test_it_is_no_longer_said_once_it_is_back(engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]) -> None:
    screen = main_screen(app)
    engine.connect(Server.STRAPI, State.DOWN, "nothing answers", "start it")
    engine.journal.news.ring()
    await until(pilot, lambda: screen.query_one("#banner").display and "DOWN" in screen_text(app))
    engine.connect(Server.STRAPI, State.UP)
    engine.journal.news.ring()
    await until(pilot, lambda: not screen.query_one("#banner").display and "DOWN" not in screen_text(app))
    assert not screen.panes[2].has_class("away")


async def test_the_places_of_the_timeline_stand_under_their_panes(
    engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]
) -> None:
    screen = main_screen(app)
    engine.flow(1)
    await until(pilot, lambda: screen.mqtt.rows == 1)
    await pilot.press("up")
    await until(pilot, lambda: "41 → 46 in Strapi" in widget_text(screen.query_one("#way")))
    line = widget_text(screen.query_one("#way")).split("\n")[0]
    for pane, words in zip(screen.panes, ("● MQTT", "● Kafka", "● 41 → 46"), strict=True):
        assert pane.region.x <= line.index(words) < pane.region.right, words


@TOASTS
@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_a_notification_covers_neither_form_nor_timeline(app: OpsciApp, pilot: Pilot[None]) -> None:
    screen = main_screen(app)
    app.notify("something happened\nthat takes three\nlines to say", title="Told", timeout=60)
    await until(pilot, lambda: screen.query(Toast))
    await until(pilot, lambda: screen.query_one(Toast).region.height)
    for name in ("#form", "#way", "KeysFooter"):
        covered = screen.query_one(name).region.intersection(screen.query_one(Toast).region)
        assert not covered.area, name


@pytest.mark.parametrize("size", [(60, 15)])
async def test_in_sixty_by_fifteen_there_are_rows_and_the_form_opens_on_its_key(
    engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]
) -> None:
    screen = main_screen(app)
    engine.flow(20)
    await until(pilot, lambda: screen.mqtt.rows == 20)
    assert screen.mqtt.page_rows >= 6
    assert not screen.form.display
    await pilot.press("4", *"12", "tab", *"+5")
    await until(pilot, lambda: "→" in widget_text(screen.form.query_one("#meant")))
    assert screen.mqtt.page_rows >= 6
    await pilot.press("enter")
    await until(pilot, lambda: engine.published)
    await pilot.press("escape")
    await until(pilot, lambda: not screen.form.display)


@pytest.mark.parametrize("size", [(50, 12), (30, 10)])
async def test_a_smaller_terminal_is_told_and_works(engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]) -> None:
    engine.flow(3)
    await until(pilot, lambda: "needs 60 x 15" in screen_text(app))
    await pilot.press("1", "up")
    await until(pilot, lambda: main_screen(app).followed is not None)


async def test_an_empty_screen_says_what_to_do_with_its_keys(
    engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]
) -> None:
    view = main_screen(app).mqtt
    await until(pilot, lambda: re.search(r" a +start simulated sensors", widget_text(view)))
    for key, does in (("4", "move a product's stock yourself"), (r"\?", "help")):
        assert re.search(rf" {key} +{does}", widget_text(view))
    await pilot.press("a")
    await until(pilot, lambda: "objects would send" in screen_text(app))
    await pilot.press("escape")
    engine.flow(1)
    await until(pilot, lambda: view.rows == 1 and "start simulated" not in screen_text(app))


@pytest.mark.parametrize(("size", "language"), [((80, 24), "fr"), ((80, 24), "en"), ((60, 15), "fr"), ((60, 15), "en")])
async def test_the_stage_says_all_that_matters_in_a_small_terminal(size: tuple[int, int], language: str) -> None:
    speak(language)
    try:
        async with opened("live", size, "opsci-dark") as pilot:
            await pilot.press("v", "v")
            end = "dans Strapi" if language == "fr" else "in Strapi"
            await until(pilot, lambda: f"12 → 17 {end}" in screen_text(pilot.app))
            text = screen_text(pilot.app)
            assert "…" not in text.split("\n")[-2]
            assert text.count("/s") >= 1, "the rates are missing"
            assert ("5 refusés" if language == "fr" else "5 refused") in text
        async with opened("down", size, "opsci-dark") as pilot:
            await pilot.press("v", "v")
            waits, down = ("attend Strapi", "ARRÊTÉ") if language == "fr" else ("waits for Strapi", "DOWN")
            await until(pilot, lambda: waits in screen_text(pilot.app) and down in screen_text(pilot.app))
            text = screen_text(pilot.app)
            assert re.search(r"✗ 2 ref.* +(◌ 928|$)", text, re.MULTILINE)
            # The product has its name above the timeline, not its number in it.
            assert "Capteur d'humidité SHT31  +5" in text
            assert "+5 2" not in text
    finally:
        speak("en")


async def test_an_empty_stage_says_what_to_do(app: OpsciApp, pilot: Pilot[None]) -> None:
    await pilot.press("v", "v")
    stage = main_screen(app).query_one("#stage")
    await until(pilot, lambda: "Nothing has moved yet." in widget_text(stage))
    assert re.search(r" a +start simulated sensors", widget_text(stage))
    assert "0 refused" in widget_text(stage)


async def test_the_stage_says_why_the_last_movement_was_refused_and_its_count_opens_them() -> None:
    async with opened("live", (120, 40), "opsci-dark") as pilot:
        app = pilot.app
        assert isinstance(app, OpsciApp)
        await pilot.press("v", "v")
        stage = main_screen(app).query_one("#stage")
        await until(pilot, lambda: "✗ 5 refused  last: only 5 in stock" in widget_text(stage))
        # The counts are in the stage, not in the line at the top too.
        assert "refused" not in widget_text(main_screen(app).query_one("#status"))
        lines = widget_text(stage).split("\n")
        row = next(at for at, line in enumerate(lines) if "5 refused" in line)
        await pilot.click(stage, offset=(lines[row].index("refused"), row))
        await until(pilot, lambda: "Refused movements" in screen_text(app))


async def test_the_dots_of_a_movement_have_the_systems_colours() -> None:
    async with opened("live", (120, 40), "opsci-dark") as pilot:
        await pilot.press("v")
        await until(pilot, lambda: "●━●━● ✓ 12 → 17" in screen_text(pilot.app))
        variables = {name: value.lower() for name, value in pilot.app.theme_variables.items()}
        expected = [variables[name] for name in ("mqtt", "kafka", "applied")]
        found: list[list[str]] = []
        for line in lines_of(pilot.app):
            text = "".join(segment.text for segment in line)
            if "●━●━● ✓" in text:
                dots = [segment for segment in line if segment.text == "●"]
                found.append([dot.style.color.get_truecolor().hex for dot in dots if dot.style and dot.style.color])
        assert found
        assert all(colours[:3] == expected for colours in found)


@pytest.mark.parametrize("language", ["en", "fr"])
async def test_the_tab_of_the_shown_pane_is_filled_whole_and_what_waits_has_its_colour(language: str) -> None:
    speak(language)
    try:
        async with opened("down", (80, 24), "opsci-dark") as pilot:
            waits = "928 en attente" if language == "fr" else "928 wait"
            await until(pilot, lambda: waits in screen_text(pilot.app))
            variables = {name: value.lower() for name, value in pilot.app.theme_variables.items()}
            tabs = next(line for line in lines_of(pilot.app) if "1 MQTT" in "".join(one.text for one in line))
            mqtt = next(one for one in tabs if "1 MQTT" in one.text)
            assert re.search(r"1 MQTT ● \d+/s $", mqtt.text)
            assert mqtt.style is not None
            assert mqtt.style.bgcolor is not None
            assert mqtt.style.bgcolor.get_truecolor().hex == variables["mqtt"]
            waiting = next(one for one in tabs if waits in one.text)
            assert waiting.style is not None
            assert waiting.style.color is not None
            assert waiting.style.color.get_truecolor().hex == variables["waits"]
    finally:
        speak("en")


async def test_sixty_columns_say_how_many_wait_and_what_to_do_in_two_lines() -> None:
    async with opened("down", (120, 40), "opsci-dark") as pilot:
        banner = main_screen(pilot.app).query_one("#banner")  # type: ignore[arg-type]
        await until(pilot, lambda: "is applied" in widget_text(banner) or "all are applied" in widget_text(banner))
        await pilot.resize_terminal(60, 15)
        await until(pilot, lambda: "928 wait safely in Kafka." in widget_text(banner))
        await until(pilot, lambda: "✗ Strapi: movements wait; start it again" in widget_text(banner))
        await until(pilot, lambda: "2 Kafka ● 928 wait" in screen_text(pilot.app))
