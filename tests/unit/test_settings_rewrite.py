"""Changing one setting in a user's file changes only that, and preserves every comment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import SettingsError
from bridge.settings.edit import as_toml, rewritten, without
from bridge.settings.load import load_settings
from bridge.settings.names import SETTINGS
from bridge.settings.sources import SourcedValue
from bridge.settings.types import TABLES, check_table, check_value

if TYPE_CHECKING:
    from bridge.settings import Settings

SHIPPED = (Path(__file__).parents[2] / "configs" / "opsci.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "key", "value", "after"),
    [
        ("", "drain", 5.0, "drain = 5\n"),
        ("", "mqtt.url", "ws://h:1", '[mqtt]\nurl = "ws://h:1"\n'),
        (
            '# mine\n[mqtt] # here\nurl = "ws://a:1"   # the hall\n# end\n',
            "mqtt.url",
            "ws://b:2",
            '# mine\n[mqtt] # here\nurl = "ws://b:2"   # the hall\n# end\n',
        ),
        (
            '[mqtt]\nurl = "ws://a:1"\n\n[kafka]\n',
            "mqtt.keepalive",
            7,
            '[mqtt]\nurl = "ws://a:1"\nkeepalive = 7\n\n[kafka]\n',
        ),
        ('[mqtt]\nurl = "ws://a:1"', "mqtt.keepalive", 7, '[mqtt]\nurl = "ws://a:1"\nkeepalive = 7\n'),
        (
            "# top\n\n# of mqtt\n[mqtt]\nkeepalive = 3\n",
            "drain",
            4,
            "# top\n\ndrain = 4\n\n# of mqtt\n[mqtt]\nkeepalive = 3\n",
        ),
        ("mqtt.keepalive = 3\ndrain = 1\n", "mqtt.in_flight", 4, "mqtt.keepalive = 3\nmqtt.in_flight = 4\ndrain = 1\n"),
        ("mqtt = { keepalive = 3 } # x\n", "mqtt.in_flight", 4, "mqtt = { keepalive = 3, in_flight = 4 } # x\n"),
        (
            '[kafka]\nbrokers = [ # two\n  "a:1", # first\n  "b:2",\n] # all\n',
            "kafka.brokers",
            ["c:3"],
            '[kafka]\n# two\n# first\nbrokers = ["c:3"] # all\n',
        ),
        ("[mqtt]\r\nkeepalive = 3\r\n", "mqtt.in_flight", 4, "[mqtt]\r\nkeepalive = 3\r\nin_flight = 4\r\n"),
        (
            '[mqtt]\n"username" = """a\n# no comment""" # b\n',
            "mqtt.username",
            "# = [",
            '[mqtt]\n"username" = "# = [" # b\n',
        ),
        (
            '[screen.keys]\nfocus.form = "f4" # mine\nhelp = "f1"\n',
            "screen.keys",
            {"focus.form": "f5", "pane.zoom": "f11"},
            '[screen.keys]\nfocus.form = "f5" # mine\n"pane.zoom" = "f11"\n',
        ),
        (
            '[screen]\nkeys.help = "f1"\n',
            "screen.keys",
            {"help": "f1", "find": "f3"},
            '[screen]\nkeys.help = "f1"\nkeys.find = "f3"\n',
        ),
        (
            '# hall\n[[screen.presets]]\nname = "a"\namount = 1\n# shop\n[[screen.presets]]\nname = "b"\namount = 2\n',
            "screen.presets",
            [{"name": "b", "amount": 3}],
            '# hall\n# shop\n[[screen.presets]]\nname = "b"\namount = 3\n',
        ),
        (
            '# hall\n[[screen.presets]]\nname = "a"\namount = 1\n# shop\n[[screen.presets]]\nname = "b"\namount = 2\n',
            "screen.presets",
            [{"name": "b", "amount": 2}],
            '# hall\n# shop\n[[screen.presets]]\nname = "b"\namount = 2\n',
        ),
        (
            '[[screen.presets]]\nname = "a"\namount = 1 # one\n\n[log]\n',
            "screen.presets",
            [{"name": "a", "amount": 5}, {"name": "c", "amount": 1, "product": "7"}],
            '[[screen.presets]]\nname = "a"\namount = 5 # one\n\n[[screen.presets]]\nname = "c"\namount = 1\n'
            'product = "7"\n\n[log]\n',
        ),
        (
            '["screen"] # mine\ntheme = "nord"\n# hall\n[[screen.presets]] # one\nname = "a"\namount = 1\n',
            "screen.theme",
            "gruvbox",
            '["screen"] # mine\ntheme = "gruvbox"\n# hall\n[["screen".presets]] # one\nname = "a"\namount = 1\n',
        ),
        (
            "[unknown]\n# kept\nx = { y = [1, 2] } # too\n\n[mqtt]\nkeepalive = 3\nnew_name = 1  # as well\n",
            "mqtt.keepalive",
            4,
            "[unknown]\n# kept\nx = { y = [1, 2] } # too\n\n[mqtt]\nkeepalive = 4\nnew_name = 1  # as well\n",
        ),
        (
            '[[screen.presets]]\nname = "a"\namount = 1\n',
            "screen.theme",
            "nord",
            '[[screen.presets]]\nname = "a"\namount = 1\n\n[screen]\ntheme = "nord"\n',
        ),
    ],
)
def test_a_change_touches_its_own_line(text: str, key: str, value: object, after: str) -> None:
    assert rewritten(text, key, value) == after


def test_the_shipped_file_takes_every_change_in_one_line() -> None:
    for key, value in {"mqtt.url": "ws://x:1", "drain": 3, "screen.presets": [{"name": "a", "amount": 1}]}.items():
        changed = rewritten(SHIPPED, key, value)
        differing = [
            pair for pair in zip(SHIPPED.splitlines(), changed.splitlines(), strict=True) if pair[0] != pair[1]
        ]
        assert len(differing) == 1


def test_what_can_not_be_changed_is_refused_and_not_half_done() -> None:
    with pytest.raises(SettingsError, match="only a person can change"):
        rewritten('"mqtt" = { url = "ws://h:1", keepalive = 3 }\n', "mqtt.url", float("nan"))


@pytest.mark.parametrize(
    ("text", "key", "after"),
    [
        ('[mqtt]\n# mine\nkeepalive = 3 # here\nversion = "5"\n', "mqtt.keepalive", '[mqtt]\n# mine\nversion = "5"\n'),
        ("mqtt = { keepalive = 3, in_flight = 4 } # x\n", "mqtt.keepalive", "mqtt = { in_flight = 4 } # x\n"),
        ('[kafka]\nbrokers = [ # two\n  "a:1",\n]\ntimeout = 3\n', "kafka.brokers", "[kafka]\n# two\ntimeout = 3\n"),
        ('[screen.keys]\n# f\nhelp = "f1"\n\n# l\n[log]\n', "screen.keys", "# f\n\n# l\n[log]\n"),
        ('[[screen.presets]]\nname = "a"\namount = 1\n# end\n', "screen.presets", "# end\n"),
    ],
)
def test_taking_a_setting_out_leaves_every_comment_around_it(text: str, key: str, after: str) -> None:
    assert without(text, key) == after


def test_what_does_not_stand_there_can_not_be_taken_out() -> None:
    with pytest.raises(SettingsError, match="only a person can change"):
        without('["screen"]\n[[screen.presets]]\nname = "a"\namount = 1\n', "screen.theme")


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12).filter(
    lambda text: "#:" not in text
)
COMMENTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=12).map(
    "#: {}".format
)
BROKERS = st.lists(st.sampled_from(["a:1", "b:2", "[::1]:9092", "kafka-1.example:9092"]), min_size=1, max_size=3)
PRESETS = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from(["a", "b", "c", "d e", "é#"]), "amount": st.integers(1, 9)},
        optional={"product": st.sampled_from(["", "12", 'x"y', "#"])},
    ),
    max_size=3,
    unique_by=lambda preset: preset["name"],
)
KEYS = st.dictionaries(
    st.sampled_from(["focus.form", "focus.mqtt", "help", "pane.zoom"]), st.sampled_from(["f4", "f5,f6", "?"])
)
ROUTES = st.lists(
    st.fixed_dictionaries(
        {"mqtt": st.sampled_from(["topic", "a/+", "b/#"]), "kafka": st.sampled_from(["stock", "x"])},
        optional={"does": st.sampled_from(["movement"])},
    ),
    min_size=1,
    max_size=2,
    unique_by=lambda route: route["mqtt"],
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "drain": st.floats(0.25, 100).map(lambda value: round(value, 3)) | st.integers(1, 9),
    "routes": ROUTES,
    "mqtt.username": WORDS,
    "mqtt.keepalive": st.integers(1, 65_535),
    "mqtt.version": st.sampled_from(["5", "3.1.1"]),
    "kafka.brokers": BROKERS,
    "kafka.beginning": st.booleans(),
    "screen.theme": WORDS.filter(bool),
    "screen.presets": PRESETS,
    "screen.keys": KEYS,
}


def _string(draw: st.DrawFn, value: str) -> str:
    """A text in one of TOML's notations."""
    plain = as_toml(value)
    ways = [plain]
    if value.isprintable() and "'" not in value:
        ways += [f"'{value}'", f"'''{value}'''"]
    if value.isprintable() and "\\" not in value and '"' not in value:
        ways += [f'"""{value}"""', f'"""\n{value}"""']
    return draw(st.sampled_from(ways))


def _value(draw: st.DrawFn, value: object) -> str:
    if isinstance(value, str):
        return _string(draw, value)
    if isinstance(value, list) and draw(st.booleans()):
        lines = "".join(f"  {_value(draw, one)}, {draw(COMMENTS)}\n {draw(COMMENTS)}\n" for one in value)
        return f"[ {draw(COMMENTS)}\n{lines}]"
    return as_toml(value)


def _name(draw: st.DrawFn, name: str) -> str:
    return draw(st.sampled_from([name, f'"{name}"', f"'{name}'"]))


@st.composite
def documents(draw: st.DrawFn) -> str:
    """A settings file as people write it: comments everywhere, tables in any order and form."""
    chosen = draw(st.lists(st.sampled_from(list(VALUES)), unique=True))
    values = {key: draw(VALUES[key]) for key in chosen}
    tail = st.sampled_from(["", "  ", " # end"])
    lines = [draw(COMMENTS), ""] if draw(st.booleans()) else []

    def line(name: str, value: object) -> None:
        if draw(st.booleans()):
            lines.append(draw(COMMENTS))
        indent, equals = draw(st.sampled_from(["", "  "])), draw(st.sampled_from([" = ", "="]))
        lines.append(f"{indent}{name}{equals}{_value(draw, value)}{draw(tail)}")

    def rows(name: str, value: list[dict[str, object]]) -> None:
        for row in value:
            lines.append(draw(COMMENTS))
            lines.append(f"[[{name}]]{draw(tail)}")
            for inner in row:
                line(_name(draw, inner), row[inner])

    rows_of_routes = bool("routes" in values and draw(st.booleans()))
    if "drain" in values:
        line("drain", values["drain"])
    if "routes" in values and not rows_of_routes:
        line("routes", values["routes"])
    sections = draw(st.permutations(["mqtt", "kafka", "screen"]))
    for section in sections:
        inside = {key.partition(".")[2]: value for key, value in values.items() if key.startswith(f"{section}.")}
        if not inside:
            continue
        form = draw(st.sampled_from(["table", "dotted", "inline"]))
        if form == "inline" and not any(one.startswith(("[", " [")) for one in lines):
            line(section, inside)
            continue
        if form == "dotted" and not any(one.startswith(("[", " [")) for one in lines):
            for name, value in inside.items():
                line(f"{_name(draw, section)}.{_name(draw, name)}", value)
            continue
        presets = inside.pop("presets", None) if draw(st.booleans()) else None
        keys = inside.pop("keys", None) if draw(st.booleans()) else None
        lines.append(f"[{_name(draw, section)}]{draw(tail)}")
        for name, value in inside.items():
            line(_name(draw, name), value)
        if presets:
            rows("screen.presets", presets)
        if keys:
            lines.append("[screen.keys]")
            for name, value in keys.items():
                line(draw(st.sampled_from([f'"{name}"', name])), value)
    if rows_of_routes:
        rows("routes", values["routes"])
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    return newline.join("\n".join(lines).split("\n")) + draw(st.sampled_from(["", newline, newline * 2]))


def _checked(key: str, value: object) -> object:
    one = SourcedValue(key, value, key)
    read, problems = check_table(one) if key in TABLES else check_value(one)
    assert not problems
    return read


@given(documents(), st.data())
def test_any_change_of_any_file_changes_exactly_that(
    tmp_path_factory: pytest.TempPathFactory, text: str, data: st.DataObject
) -> None:
    file = tmp_path_factory.getbasetemp() / "changed.toml"
    file.write_bytes(text.encode())
    before = load_settings(file, {})
    key = data.draw(st.sampled_from(list(VALUES)))
    value = data.draw(VALUES[key])
    changed = rewritten(text, key, value)
    file.write_bytes(changed.encode())
    after = load_settings(file, {})
    setting = SETTINGS[key]
    assert getattr(getattr(after, setting.section) if setting.section else after, setting.name) == _checked(key, value)

    def others(settings: Settings) -> dict[str, Any]:
        tree: dict[str, Any] = msgspec.to_builtins(settings)
        (tree[setting.section] if setting.section else tree).pop(setting.name)
        return tree

    assert others(after) == others(before)
    comments = [line.strip() for line in text.splitlines() if line.strip().startswith("#:")]
    kept = [line.strip() for line in changed.splitlines()]
    for comment in comments:
        assert comment in kept
        kept.remove(comment)
    # A second change of the same setting touches no more lines than the value has.
    assert rewritten(changed, key, value) == changed
