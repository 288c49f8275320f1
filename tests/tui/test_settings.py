"""The settings screen: every setting with its source, changed, tested and saved; and configured keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from textual.widgets import Input, Select, Static, Switch, TextArea

from bridge.command.check import Finding
from bridge.errors import SettingsError
from bridge.journal import Server, State
from bridge.settings import ScreenSettings, Settings
from bridge.settings.files import GENERATED, changes_file, own_file
from bridge.settings.load import Sources, load
from bridge.settings.names import SETTINGS
from tests.tui.looking import main_screen, screen_text, until
from tui.app import OpsciApp
from tui.settings.catalogue import catalogue
from tui.settings.draft import Draft
from tui.settings.editor import EditScreen
from tui.settings.entry import CONNECTING, Page
from tui.settings.keys import binding_ids, key_problems
from tui.settings.screen import SettingsScreen
from tui.settings.trial import TrialScreen
from tui.settings.units import as_number, in_words

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from pathlib import Path

    from textual.pilot import Pilot

    from tests.tui.scripted import ScriptedEngine

TEXT = """# mine
drain = 3
[mqtt] # the hall
url = "ws://127.0.0.1:9" # by the door
[strapi]
token = "hunter2"
"""


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(TEXT)
    return path


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[Finding]:
    """The findings of the probes, without asking a server."""
    findings: list[Finding] = []

    async def answer(settings: Settings, servers: Iterable[Server]) -> AsyncIterator[Finding]:
        for server in servers:
            for finding in findings:
                if finding.server is server:
                    yield finding

    monkeypatch.setattr("bridge.command.check.try_servers", answer)
    return findings


def text_of(path: Path) -> str:
    return path.read_text()


def rewrite(path: Path, text: str) -> None:
    path.write_text(text)


def told(app: OpsciApp, text: str) -> bool:
    """Whether a notification contains a text."""
    return any(text in one.message for one in app._notifications)


async def select(pilot: Pilot[None], key: str) -> SettingsScreen:
    """Open the settings and move the cursor to one of them."""
    await pilot.press("s")
    await until(pilot, lambda: isinstance(pilot.app.screen, SettingsScreen))
    screen = pilot.app.screen
    assert isinstance(screen, SettingsScreen)
    await until(pilot, lambda: screen.view.option_count)
    await go_to(pilot, screen, key)
    return screen


async def go_to(pilot: Pilot[None], screen: SettingsScreen, key: str) -> None:
    """Show the page of a setting and move the cursor to it."""
    screen.action_page(next(entry.page for entry in screen.view.entries if entry.key == key).value)
    screen.view.highlighted = screen.view.get_option_index(key)
    await until(pilot, lambda: screen.view.selected and screen.view.selected.key == key)


async def edit(pilot: Pilot[None], key: str) -> EditScreen:
    await select(pilot, key)
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(pilot.app.screen, EditScreen))
    window = pilot.app.screen
    assert isinstance(window, EditScreen)
    return window


async def retype(pilot: Pilot[None], text: str) -> None:
    field = pilot.app.screen.query_one("#edit-field", Input)
    field.value = ""
    await pilot.press(*("colon" if letter == ":" else "slash" if letter == "/" else letter for letter in text))
    await until(pilot, lambda: field.value == text)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_every_setting_is_listed_with_its_value_and_who_gave_it(
    engine: ScriptedEngine, file: Path, size: tuple[int, int]
) -> None:
    app = OpsciApp(engine, Sources(file, {"OPSCI_KAFKA_GROUP": "hall"}, {"mqtt.keepalive": "7"}))
    async with app.run_test(size=size) as pilot:
        screen = await select(pilot, "mqtt.url")
        listed = []
        for key in ("2", "3", "1"):
            await pilot.press(key)
            listed += [option.id for option in screen.view.options if option.id]
        assert sorted(map(str, listed)) == sorted(SETTINGS)
        await go_to(pilot, screen, "mqtt.url")
        for text in ("ws://127.0.0.1:9", "mine.toml:4", "allowed: ws://host:port", "OPSCI_MQTT_URL"):
            await until(pilot, lambda text=text: text in screen_text(app))  # type: ignore[misc]
        for key, source in (("kafka.group", "OPSCI_KAFKA_GROUP"), ("mqtt.keepalive", "flag"), ("drain", "mine.toml:2")):
            await go_to(pilot, screen, key)
            await until(pilot, lambda source=source: source in screen_text(app))  # type: ignore[misc]
        await go_to(pilot, screen, "strapi.token")
        await until(pilot, lambda: "set, not shown" in screen_text(app))
        assert "hunter2" not in screen_text(app)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is main_screen(app))


async def test_s_is_a_letter_in_a_field_and_opens_once(engine: ScriptedEngine, file: Path) -> None:
    app = OpsciApp(engine, Sources(file))
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("4", "s")
        await until(pilot, lambda: main_screen(app).form.product.value == "s")
        assert app.screen is main_screen(app)
        await pilot.press("escape", "escape")
        await select(pilot, "drain")
        await pilot.press("s")
        await pilot.pause()
        assert sum(isinstance(screen, SettingsScreen) for screen in app.screen_stack) == 1


async def test_the_palette_has_it(engine: ScriptedEngine, file: Path) -> None:
    app = OpsciApp(engine, Sources(file))
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("ctrl+p", *"settings")
        await until(pilot, lambda: "Look at every setting" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SettingsScreen))


async def test_the_filter_looks_at_names_values_and_descriptions(engine: ScriptedEngine, file: Path) -> None:
    app = OpsciApp(engine, Sources(file))
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await select(pilot, "drain")

        def left() -> list[str | None]:
            return [option.id for option in screen.view.options if option.id]

        await pilot.press("slash", *"ws 127")
        await until(pilot, lambda: left() == ["mqtt.url"])
        await pilot.press("enter")
        assert screen.view.selected
        assert screen.view.selected.key == "mqtt.url"
        await pilot.press("escape")
        advanced = {entry.key for entry in screen.view.entries if entry.page is Page.ADVANCED}
        await until(pilot, lambda: set(left()) == advanced)
        await pilot.press("slash", *"no such thing")
        await until(pilot, lambda: "no setting matches" in screen_text(app))


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_value_is_checked_as_it_is_typed_in_the_loaders_words(
    engine: ScriptedEngine, file: Path, size: tuple[int, int]
) -> None:
    app = OpsciApp(engine, Sources(file))
    async with app.run_test(size=size) as pilot:
        await edit(pilot, "mqtt.keepalive")
        await retype(pilot, "0")
        await until(pilot, lambda: 'this is "0"' in screen_text(app))
        assert '→typeatimefrom1secondto65535seconds,typedas5s,2min,12hor7days✗thisis"0"' in squeezed(app)
        await pilot.press("enter")
        assert isinstance(app.screen, EditScreen)
        await retype(pilot, "09")
        await pilot.press("escape")
        await edit_again(pilot, "mqtt.url")
        await retype(pilot, "ws://h:70000")
        await until(pilot, lambda: "is no address" in screen_text(app))


async def test_pages_are_chosen_by_number_tab_and_click(engine: ScriptedEngine, file: Path) -> None:
    app = OpsciApp(engine, Sources(file))
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await select(pilot, "mqtt.url")
        assert "1 Connection   2 Screen   3 Advanced" in screen_text(app)
        for key, page in (
            ("2", Page.SCREEN),
            ("tab", Page.ADVANCED),
            ("shift+tab", Page.SCREEN),
            ("1", Page.CONNECTION),
        ):
            await pilot.press(key)
            assert screen.view.page is page
        await pilot.click("#pages", offset=(18, 0))
        await until(pilot, lambda: screen.view.page is Page.SCREEN)
        await edit_again(pilot, "screen.frames")
        await retype(pilot, "9")
        await pilot.press("enter", "1")
        await until(pilot, lambda: "2 Screen *" in screen_text(app))
        # A filter looks through all pages, and a page's number drops it.
        await pilot.press("slash", *"updated")
        await until(pilot, lambda: screen.view.selected and screen.view.selected.key == "screen.frames")
        await pilot.press("enter", "3")
        await until(pilot, lambda: screen.view.page is Page.ADVANCED and screen.view.option_count > 5)


def test_what_is_on_the_first_page_exists() -> None:
    assert set(SETTINGS) >= CONNECTING


@pytest.mark.parametrize(
    ("key", "typed", "number", "words"),
    [
        ("mqtt.session_expiry", "7 days", "604800", "7 days"),
        ("mqtt.session_expiry", "1 semaine", "604800", "7 days"),
        ("mqtt.session_expiry", "forever", "4294967295", "forever"),
        ("mqtt.session_expiry", "0 s", "0", "0 seconds"),
        ("mqtt.keepalive", "90", "90", "90 seconds"),
        ("mqtt.keepalive", "1 min 30 s", "90", "90 seconds"),
        ("mqtt.keepalive", "2 h", "7200", "2 hours"),
        ("kafka.timeout", "0,5 s", "0.5", "0.5 seconds"),
        ("kafka.timeout", "500ms", "0.5", "0.5 seconds"),
        ("kafka.timeout", "0,5", "0.5", "0.5 seconds"),
        ("screen.keep", "10,000 records", "10000", "10,000 records"),
        ("screen.keep", "10 000", "10000", "10,000 records"),
        ("screen.frames", "30 times a second", "30", "30 times a second"),
        ("apply.requests", "1 request", "1", "1 request"),
    ],
)
def test_a_unit_is_read_and_written_in_words(key: str, typed: str, number: str, words: str) -> None:
    entry = next(entry for entry in catalogue() if entry.key == key)
    draft = Draft(Sources())
    assert as_number(entry, typed) == number
    value, problems = draft.read(entry, typed)
    assert not problems
    assert in_words(entry, value) == words
    assert draft.read(entry, words) == (value, [])


@pytest.mark.parametrize("typed", ["", "soon", "7 moons", "1,000 s", "7 days and", "-5 s", "5 s 5"])
def test_what_is_no_time_is_refused_with_what_to_type(typed: str) -> None:
    entry = next(entry for entry in catalogue() if entry.key == "mqtt.session_expiry")
    _, problems = Draft(Sources()).read(entry, typed)
    assert [problem.remedy for problem in problems] == [
        "type a time from 0 seconds to forever, typed as 5 s, 2 min, 12 h or 7 days"
    ] or [problem.remedy for problem in problems] == ["type a time up to forever, typed as 5 s, 2 min, 12 h or 7 days"]


@pytest.mark.parametrize("key", sorted(key for key in SETTINGS))
def test_a_number_is_shown_as_it_can_be_typed(key: str) -> None:
    entry = next(entry for entry in catalogue() if entry.key == key)
    draft = Draft(Sources())
    if entry.unit:
        assert draft.typed(entry) == in_words(entry, draft.value(key))
        assert draft.read(entry, draft.typed(entry)) == (draft.value(key), [])


async def test_an_error_is_whole_in_a_small_terminal(engine: ScriptedEngine, file: Path) -> None:
    app = OpsciApp(engine, Sources(file))
    async with app.run_test(size=(80, 24)) as pilot:
        for key, typed in (("mqtt.url", "x" * 70), ("mqtt.session_expiry", "soon"), ("kafka.brokers", "a b")):
            await (edit if isinstance(app.screen, type(main_screen(app))) else edit_again)(pilot, key)
            app.screen.query_one("#edit-field", Input).value = typed
            draft = Draft(Sources(file))
            entry = next(entry for entry in catalogue() if entry.key == key)
            (problem,) = draft.read(entry, typed)[1]
            told = "".join(f"→{problem.remedy}✗{problem.what}".split())
            await until(pilot, lambda told=told: told in squeezed(app))  # type: ignore[misc]
            await pilot.press("escape")


async def edit_again(pilot: Pilot[None], key: str) -> None:
    """Change another setting while the list is open."""
    screen = pilot.app.screen
    assert isinstance(screen, SettingsScreen)
    await go_to(pilot, screen, key)
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(pilot.app.screen, EditScreen))


async def test_each_kind_of_field_changes_its_setting(engine: ScriptedEngine, file: Path) -> None:
    app = OpsciApp(engine, Sources(file))
    async with app.run_test(size=(120, 40)) as pilot:
        await edit(pilot, "kafka.beginning")
        assert app.screen.query_one("#edit-field", Switch).value
        await pilot.press("space", "enter")
        await until(pilot, lambda: "1 change" in screen_text(app))
        await edit_again(pilot, "strapi.mode")
        assert isinstance(app.screen.query_one("#edit-field"), Select)
        await pilot.press("down", "enter")
        await until(pilot, lambda: "2 changes" in screen_text(app))
        await edit_again(pilot, "screen.presets")
        lines = app.screen.query_one("#edit-field", TextArea)
        lines.text = '[{ name = "case", amount = 0 }]'
        await until(pilot, lambda: "moves nothing" in screen_text(app))
        lines.text = '[{ name = "case", amount = 24 }'
        await until(pilot, lambda: "this is not TOML" in screen_text(app))
        lines.text = '[{ name = "case", amount = 24 }]'
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "3 changes" in screen_text(app))
        await edit_again(pilot, "strapi.token")
        assert app.screen.query_one("#edit-field", Input).value == ""
        await pilot.press(*"new", "enter")
        await until(pilot, lambda: "4 changes" in screen_text(app))
        assert "set, not shown" in next(line for line in screen_text(app).splitlines() if "* token " in line)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, TrialScreen) or app.starts_anew)
        await pilot.press("escape")
        screen = next(one for one in app.screen_stack if isinstance(one, SettingsScreen))
        settings = screen._draft.candidate()
        assert not settings.kafka.beginning
        assert settings.strapi.mode == "ledger"
        assert settings.strapi.token == "new"
        assert settings.screen.presets[0].amount == 24


async def test_well_tried_settings_are_written_and_the_chain_starts_anew(
    engine: ScriptedEngine, file: Path, said: list[Finding]
) -> None:
    said.append(Finding(Server.MQTT, True, "it lets us in"))
    app = OpsciApp(engine, Sources(file))
    async with app.run_test(size=(120, 40)) as pilot:
        await edit(pilot, "mqtt.url")
        await retype(pilot, "ws://127.0.0.1:1")
        await pilot.press("enter")
        await until(pilot, lambda: "Ctrl+S tries and writes" in screen_text(app))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: app.starts_anew)
    assert text_of(file) == TEXT.replace("ws://127.0.0.1:9", "ws://127.0.0.1:1")
    assert "mine.toml" in app.notice


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_what_is_not_well_is_said_and_can_be_kept_or_not(
    engine: ScriptedEngine, file: Path, said: list[Finding], size: tuple[int, int]
) -> None:
    said += [
        Finding(Server.MQTT, False, "nothing answers there", "is the broker running?"),
        Finding(Server.KAFKA, False, "must not be tried"),
    ]
    app = OpsciApp(engine, Sources(file))
    async with app.run_test(size=size) as pilot:
        await edit(pilot, "mqtt.keepalive")
        await retype(pilot, "9")
        await pilot.press("enter", "ctrl+s")
        await until(pilot, lambda: "nothing answers there" in screen_text(app))
        assert "is the broker running?" in screen_text(app)
        assert "must not be tried" not in screen_text(app)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, SettingsScreen))
        assert text_of(file) == TEXT
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "keeps the settings anyway" in screen_text(app))
        await pilot.press("y")
        await until(pilot, lambda: app.starts_anew)
    assert load(Sources(file)).settings.mqtt.keepalive == 9


async def test_probes_that_break_are_findings_too(
    engine: ScriptedEngine, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(settings: Settings, servers: Iterable[Server]) -> AsyncIterator[Finding]:
        for server in servers:
            yield Finding(server, True, "so far so good")
            raise RuntimeError("a library's \x1b[31m word")

    monkeypatch.setattr("bridge.command.check.try_servers", broken)
    app = OpsciApp(engine, Sources(file))
    async with app.run_test(size=(120, 40)) as pilot:
        await edit(pilot, "mqtt.keepalive")
        await retype(pilot, "9")
        await pilot.press("enter", "ctrl+s")
        await until(pilot, lambda: "RuntimeError: a library's \\x1b[31m" in screen_text(app))


async def test_what_needs_no_server_is_kept_at_once_and_restarts_nothing(engine: ScriptedEngine, file: Path) -> None:
    engine.settings = load(Sources(file)).settings
    app = OpsciApp(engine, Sources(file))
    async with app.run_test(size=(120, 40)) as pilot:
        main = main_screen(app)
        await edit(pilot, "screen.frames")
        await retype(pilot, "25")
        await pilot.press("enter", "ctrl+s")
        await until(pilot, lambda: told(app, "written to"))
        assert not app.starts_anew
        screen = app.screen
        assert isinstance(screen, SettingsScreen)
        await edit_again(pilot, "screen.theme")
        app.screen.query_one("#edit-field", Select).value = "opsci-light"
        await until(pilot, lambda: app.screen is screen)
        await edit_again(pilot, "screen.keys")
        app.screen.query_one("#edit-field", TextArea).text = '{ "focus.form" = "f4" }'
        await pilot.press("ctrl+s", "ctrl+s")
        await until(pilot, lambda: app.theme == "opsci-light")
        await edit_again(pilot, "screen.keep")
        await retype(pilot, "500")
        await pilot.press("enter", "ctrl+s")
        await until(pilot, lambda: told(app, "From the next start of opsci-tui on: screen.keep."))
        await pilot.press("escape", "f4")
        await until(pilot, lambda: main_screen(app).form.product.has_focus)
        assert main_screen(app) is main
        assert main._watch._pace._shortest == 1 / 25
        assert not app.starts_anew
        assert not engine.stopped
    settings = load(Sources(file)).settings
    assert (settings.screen.frames, settings.screen.keep) == (25, 500)
    assert engine.settings.screen.frames == 25
    assert engine.settings.screen.keep == Settings().screen.keep


async def test_a_setting_of_the_chain_still_starts_it_anew(engine: ScriptedEngine, file: Path) -> None:
    engine.settings = load(Sources(file)).settings
    app = OpsciApp(engine, Sources(file))
    async with app.run_test(size=(120, 40)) as pilot:
        await edit(pilot, "drain")
        await retype(pilot, "25")
        await pilot.press("enter", "ctrl+s")
        await until(pilot, lambda: app.starts_anew)


async def test_nothing_is_written_over_what_someone_else_wrote(engine: ScriptedEngine, file: Path) -> None:
    engine.settings = load(Sources(file)).settings
    app = OpsciApp(engine, Sources(file))
    async with app.run_test(size=(120, 40)) as pilot:
        await edit(pilot, "screen.frames")
        await retype(pilot, "25")
        await pilot.press("enter")
        rewrite(file, "drain = 8\n")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: told(app, "changed by someone else meanwhile"))
        assert told(app, "Ctrl+R reads the file again, your changes stay; then Ctrl+S.\n")
        assert text_of(file) == "drain = 8\n"
        await pilot.press("ctrl+r")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: text_of(file) != "drain = 8\n")
    assert text_of(file) == "drain = 8\n\n[screen]\nframes = 25\n"


async def test_what_the_environment_gives_is_not_changed_here(engine: ScriptedEngine, file: Path) -> None:
    app = OpsciApp(engine, Sources(file, {"OPSCI_MQTT_URL": "ws://h:1"}))
    async with app.run_test(size=(120, 40)) as pilot:
        await select(pilot, "mqtt.url")
        await until(pilot, lambda: "⊘ OPSCI_MQTT_URL in the environment sets it" in screen_text(app))
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(app.screen, SettingsScreen)


async def test_changes_are_taken_back_or_dropped_only_when_asked(engine: ScriptedEngine, file: Path) -> None:
    app = OpsciApp(engine, Sources(file))
    async with app.run_test(size=(80, 24)) as pilot:
        await edit(pilot, "drain")
        await retype(pilot, "5")
        await pilot.press("enter", "x")
        await until(pilot, lambda: "1 change" not in screen_text(app))
        await edit_again(pilot, "drain")
        await retype(pilot, "5")
        await pilot.press("enter", "escape")
        await until(pilot, lambda: "Drop 1 change?" in screen_text(app))
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, SettingsScreen))
        await pilot.press("escape", "y")
        await until(pilot, lambda: app.screen is main_screen(app))
    assert text_of(file) == TEXT


async def test_settings_that_can_not_be_read_are_said(engine: ScriptedEngine, file: Path) -> None:
    app = OpsciApp(engine, Sources(file))
    async with app.run_test(size=(120, 40)) as pilot:
        rewrite(file, "drain = 0\n")
        await pilot.press("s")
        await until(pilot, lambda: told(app, "line 1: drain: found 0"))
        assert app.screen is main_screen(app)


def test_without_a_file_the_persons_own_is_made() -> None:
    draft = Draft(Sources())
    draft.change("screen.theme", "nord")
    assert draft.keep() == [own_file()]
    assert own_file().read_text().endswith('\n\n[screen]\ntheme = "nord"\n')
    assert load(Sources(own_file())).settings.screen.theme == "nord"


def test_the_runners_file_is_never_written(tmp_path: Path) -> None:
    generated = tmp_path / "settings.toml"
    generated.write_text(f'{GENERATED}: the local servers.\n[mqtt]\nurl = "ws://h:1"\n')
    draft = Draft(Sources(generated))
    before = generated.read_text()
    draft.change("screen.theme", "nord")
    draft.change("mqtt.url", "ws://other:1")
    settings = draft.candidate()
    assert (settings.screen.theme, settings.mqtt.url) == ("nord", "ws://other:1")
    assert set(draft.keep()) == {own_file(), changes_file(generated)}
    assert load(Sources(generated)).settings == settings
    assert generated.read_text() == before
    assert "mqtt" not in own_file().read_text()


def test_a_theme_or_a_combination_that_can_not_be_is_refused(file: Path) -> None:
    draft = Draft(Sources(file))
    draft.change("screen.theme", "nope")
    with pytest.raises(SettingsError, match="no theme called nope"):
        draft.candidate()
    draft.change("screen.theme", "opsci-dark")
    assert not draft.changes


async def test_keys_of_the_settings_are_in_the_footer_and_the_help(engine: ScriptedEngine) -> None:
    engine.settings = Settings(screen=ScreenSettings(keys={"focus.form": "f4", "help": "f1", "pane.zoom": "Z"}))
    app = OpsciApp(engine)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "F1 help" in screen_text(app))
        await pilot.press("f4")
        await until(pilot, lambda: main_screen(app).form.product.has_focus)
        await pilot.press("escape", "f1")
        await until(pilot, lambda: "Keys and signs" in screen_text(app))
        told_keys = str(app.screen.query_one("#help Static", Static).render())
        assert "\n  f4                Go to the form\n" in told_keys
        assert "\n  Z                 Give one pane" in told_keys
        assert "\n  s                 Look at every setting" in told_keys


async def test_a_key_that_was_another_ones_is_said_once(engine: ScriptedEngine) -> None:
    engine.settings = Settings(screen=ScreenSettings(keys={"focus.form": "z"}))
    app = OpsciApp(engine)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: told(app, "screen.keys gives z to something else"))
        assert len(app._notifications) == 1
        await pilot.press("z")
        await until(pilot, lambda: main_screen(app).form.product.has_focus)


def test_unknown_ids_and_keys_are_told() -> None:
    assert {"focus.form", "settings.open", "quit", "letters.all", "trial.keep"} <= set(binding_ids())
    assert key_problems({"help": "f1,?,ctrl+g,question_mark,space,+,é", "quit": "shift+f2"}) == []
    (unknown,) = key_problems({"focus.from": "f4"})
    assert "'focus.from'; did you mean focus.form?" in unknown
    assert [problem.partition(":")[0] for problem in key_problems({"help": "f44,hyperspace,alt+"})] == [
        "screen.keys.help"
    ] * 3


NEEDS_ANOTHER = {"kafka.username", "kafka.password_file", "mqtt.password_file", "mqtt.publish_password_file"}
"""What can't be set without another setting."""

LOCAL = f'{GENERATED}: the local servers.\n[mqtt]\nurl = "mqtt://127.0.0.1:1884"\n'


@pytest.fixture
def generated(tmp_path: Path) -> Path:
    """The local servers' generated file, overridden by a saved wrong address."""
    path = tmp_path / "settings.toml"
    path.write_text(LOCAL)
    changes_file(path).write_text('# mine\n[mqtt]\nurl = "mqtt://10.0.0.9:1"\nkeepalive = 7\n')
    return path


async def test_a_saved_address_is_taken_back_by_x(engine: ScriptedEngine, generated: Path, said: list[Finding]) -> None:
    said.append(Finding(Server.MQTT, True, "connected"))
    app = OpsciApp(engine, Sources(generated))
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await select(pilot, "mqtt.url")
        await until(pilot, lambda: "x removes it from that file: then mqtt://127.0.0.1:1884 applies" in joined(app))
        await pilot.press("x")
        await until(pilot, lambda: "then settings.toml:3" in screen_text(app))
        assert "removed from the file by Ctrl+S: then mqtt://127.0.0.1:1884 applies, from line 3 of" in joined(app)
        await pilot.press("x")
        await until(pilot, lambda: "mqtt://10.0.0.9:1" in screen_text(app))
        assert screen.view.selected is not None
        await pilot.press("x", "ctrl+s")
        await until(pilot, lambda: app.starts_anew)
    assert text_of(changes_file(generated)) == "# mine\n[mqtt]\nkeepalive = 7\n"
    rewrite(generated, LOCAL.replace("1884", "1999"))
    assert load(Sources(generated)).settings.mqtt.url == "mqtt://127.0.0.1:1999", "the port that moved counts"


async def test_x_says_why_there_is_nothing_to_take_back(engine: ScriptedEngine, generated: Path) -> None:
    app = OpsciApp(engine, Sources(generated, {"OPSCI_KAFKA_GROUP": "hall"}))
    async with app.run_test(size=(120, 40)) as pilot:
        await select(pilot, "strapi.refresh")
        await pilot.press("x")
        await until(pilot, lambda: told(app, "nothing saved here can be undone: it is from the default"))
        screen = app.screen
        assert isinstance(screen, SettingsScreen)
        await go_to(pilot, screen, "kafka.group")
        await pilot.press("x")
        await until(pilot, lambda: told(app, "OPSCI_KAFKA_GROUP in the environment sets it"))
        await go_to(pilot, screen, "mqtt.keepalive")
        await until(pilot, lambda: "then 1 minute applies, from the default" in joined(app))
        await pilot.press("x")
        await until(pilot, lambda: "then default" in screen_text(app))


def test_the_local_servers_own_address_is_never_pinned(generated: Path) -> None:
    for typed in ("mqtt://127.0.0.1:1884", "mqtt://localhost:1884", "mqtt://localhost:1884/"):
        draft = Draft(Sources(generated))
        draft.change("mqtt.url", typed)
        assert draft.candidate().mqtt.url == "mqtt://127.0.0.1:1884"
        assert draft.is_taken_out("mqtt.url")
    draft.keep()
    assert "url" not in text_of(changes_file(generated))
    draft = Draft(Sources(generated))
    draft.change("mqtt.url", "mqtt://localhost:1884")
    assert draft.candidate().mqtt.url == "mqtt://localhost:1884", "another spelling of what nobody saved is a change"


@pytest.mark.parametrize("key", sorted(SETTINGS))
def test_every_setting_that_was_saved_can_be_taken_back(key: str, generated: Path, file: Path) -> None:
    """Whatever was saved, wherever it belongs: afterwards the file says what it said before."""
    changed: dict[str, object] = {
        "routes": [{"mqtt": "hall", "kafka": "hall-stock", "does": "movement"}],
        "screen.presets": [{"name": "one", "amount": 1}],
        "screen.keys": {"help": "f1"},
        "watch.names": ["metrics.example.org"],
        "kafka.brokers": ["h:1"],
        "screen.language": "fr",
        "screen.theme": "nord",
    }
    for path in (generated, file):
        before = Draft(Sources(path))
        home = before.home(key)
        old = before.value(key)
        if before.is_saved(key):
            continue
        text = home.read_text() if home.exists() else ""
        before.change(key, changed.get(key, _another(key, old)))
        if key in NEEDS_ANOTHER or not before.changes:
            continue
        before.candidate()
        before.keep()
        after = Draft(Sources(path))
        assert after.is_saved(key)
        after.take_out(key)
        after.candidate()
        after.keep()
        assert Draft(Sources(path)).value(key) == old
        left = [line for line in home.read_text().splitlines() if line.strip()]
        assert [line for line in left if "=" in line] == [line for line in text.splitlines() if "=" in line]


def _another(key: str, old: object) -> object:
    """Another valid value of a setting."""
    match old:
        case bool():
            return not old
        case int() | float():
            return 900 if key == "screen.keep" else 9 if old != 9 else 8
        case _:
            pass
    choices = {"mqtt.version": "3.1.1", "mqtt.reader": "packets", "strapi.mode": "rest5", "loop": "uvloop"}
    choices |= {"log.level": "debug", "log.format": "json", "kafka.security": "ssl", "kafka.mechanism": "PLAIN"}
    choices |= {"mqtt.url": "mqtt://h:1", "strapi.url": "http://h:1"}
    return choices.get(key, "another")


async def test_a_server_that_is_away_says_who_gave_its_address(engine: ScriptedEngine, generated: Path) -> None:
    app = OpsciApp(engine, Sources(generated, {"STRAPI_URL": "http://h:1"}))
    async with app.run_test(size=(160, 45)) as pilot:
        engine.connect(Server.MQTT, State.DOWN, "nobody answers at 10.0.0.9:1", "is a broker running there?")
        main_screen(app).pull()
        text = f"mqtt.url was saved in line 3 of {changes_file(generated)}"
        await until(pilot, lambda: text[:60] in joined(app))
        await until(pilot, lambda: "the local server is at mqtt://127.0.0.1:1884: s, then x and Ctrl+S" in joined(app))
        engine.connect(Server.STRAPI, State.REFUSED, "no token", "give one")
        main_screen(app).pull()
        await until(pilot, lambda: "strapi.url is from the environment variable STRAPI_URL" in joined(app))


def squeezed(app: OpsciApp) -> str:
    """The text of the window in front, without its lines and spaces."""
    box = app.screen.query_one("#edit").region.shrink((1, 2, 1, 2))
    lines = screen_text(app).splitlines()[box.y : box.bottom]
    lines = [line[box.x : box.right] for line in lines]
    return "".join("".join(lines).split())


def joined(app: OpsciApp) -> str:
    """The terminal's text as if it were one line."""
    return " ".join(" ".join(screen_text(app).split()).split())
