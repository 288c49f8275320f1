"""The settings file: complete, found in the right places, and its mistakes reported with their line."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import msgspec
import platformdirs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import SettingsError
from bridge.settings import Settings
from bridge.settings.load import find_settings_file, load_settings
from bridge.settings.reference import SHIPPED


def problems(tmp_path: Path, text: str) -> list[str]:
    """The complaints about a file with this text, without the file's name."""
    file = tmp_path / "mine.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load_settings(file, {}, {})
    lines = str(caught.value).split("\n")
    assert all(line.startswith(str(file)) for line in lines)
    return [line.removeprefix(str(file)).lstrip(",: ") for line in lines]


def test_the_shipped_file_says_the_defaults() -> None:
    document = tomllib.loads(SHIPPED.read_text(encoding="utf-8"))
    assert msgspec.convert(document, Settings) == Settings()
    assert load_settings(SHIPPED, {}, {}) == Settings()


def test_wrong_values_name_file_line_key_found_and_allowed(tmp_path: Path) -> None:
    text = '[mqtt]\nkeepalive = 0\n# a comment\nversion = 5\n\n[kafka]\nbrokers = "kafka:9092"\ntimeout = nan\n'
    assert problems(tmp_path, text) == [
        "line 2: mqtt.keepalive: found 0; allowed: a whole number from 1 to 65,535",
        'line 4: mqtt.version: found 5; allowed: "3.1.1" or "5"',
        'line 7: kafka.brokers: found "kafka:9092"; allowed: a list of at least 1, each host:port',
        "line 8: kafka.timeout: found NaN; allowed: a number above 0 to 86,400",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[mqtt]\nulr = "ws://h"', "line 2: mqtt.ulr: there is no such setting; did you mean url?"),
        ("[mqqt]\n", "line 1: mqqt: there is no such setting; did you mean mqtt?"),
        ("drian = 3", "line 1: drian: there is no such setting; did you mean drain?"),
        ("mqtt = 3", "line 1: mqtt: found 3; it is a table: write [mqtt]"),
        ("drain = [", "the settings file is no TOML: Invalid value (at end of document)"),
        ("\n\na = b = c", "the settings file is no TOML: Invalid value (at line 3, column 5)"),
        ('routes = "x"', 'line 1: routes: found "x"; allowed: a list of at least one [[routes]] table'),
        ("routes = []", "line 1: routes: found []; allowed: a list of at least one [[routes]] table"),
        ("routes = [3]", "line 1: routes[0]: found 3; allowed: a table with mqtt, kafka and does"),
        ('[[routes]]\nmqtt = "a"', "line 1: routes[0]: kafka is missing"),
        (
            '[[routes]]\nmqtt = "a"\nkafka = "a b"',
            'line 3: routes[0].kafka: found "a b"; allowed: 1 to 249 of the characters '
            "a-z, A-Z, 0-9, '.', '_' and '-'",
        ),
        (
            '[[routes]]\nmqtt = "a"\nkafka = "a"\n[[routes]]\nmqtt = "b"\nkafka = "b"\ndoes = "move"',
            'line 7: routes[1].does: found "move"; allowed: "movement", "product", "event", "reading" or "carry"',
        ),
        (
            '[[routes]]\nmqtt = "a"\nkafka = "a"\ndo = "event"',
            "line 4: routes[0].do: there is no such setting; did you mean does?",
        ),
    ],
)
def test_mistakes(tmp_path: Path, text: str, problem: str) -> None:
    assert problems(tmp_path, text) == [problem]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            '[mqtt]\nurl = "ws://h:70000"',
            r"line 2: mqtt\.url: write ws://.*: 'ws://h:70000' is no address: Port out of range",
        ),
        ('[mqtt]\npublish_topic = "a/#"', r"line 2: mqtt\.publish_topic: 'a/#' is no topic to publish on"),
        ('[kafka]\nbrokers = ["h:0"]', r"line 2: kafka\.brokers: write a port from 1 to 65535: h:0 "),
        ('[strapi]\nurl = "http://:80"', r"line 2: strapi\.url: write http://.*: http://:80 names"),
        ('[strapi]\nurl = "http://h:99999"', r"line 2: strapi\.url: write http://.*: http://h:99999 is no address"),
        (
            "[apply]\nfirst_pause = 60",
            r"line 2: apply\.first_pause: make apply.first_pause no .*: 60 s is longer",
        ),
        (
            "[apply]\nlongest_pause = 0.1",
            r"line 2: apply\.longest_pause: make apply.first_pause no .*: 0.5 s is longer",
        ),
        ('[kafka]\nerrors_topic = "stock"', r"line 2: kafka\.errors_topic: .*'stock' is routes\[0\]'s too"),
        (
            '[[routes]]\nmqtt = "a/#/b"\nkafka = "x"',
            r"line 2: routes\[0\]\.mqtt: 'a/#/b' is no MQTT filter: # stands alone and at the end",
        ),
        (
            '[[routes]]\nmqtt = "a"\nkafka = "x"\n[[routes]]\nmqtt = "b"\nkafka = "x"\ndoes = "event"',
            r"line 6: routes\[1\]\.kafka: .*a topic does one thing",
        ),
        (
            '[[routes]]\nmqtt = "a"\nkafka = "x"\n[[routes]]\nmqtt = "a"\nkafka = "y"',
            r"line 5: routes\[1\]\.mqtt: routes\[0\] has the filter 'a' already",
        ),
        (
            '[[routes]]\nmqtt = "a/+"\nkafka = "x"\n[[routes]]\nmqtt = "a/b"\nkafka = "y"',
            r"line 5: routes\[1\]\.mqtt: 'a/b' overlaps 'a/\+' of routes\[0\]",
        ),
        ('[[routes]]\nmqtt = "a"\nkafka = ".."', r"line 3: routes\[0\]\.kafka: Kafka allows no topic named '\.\.'"),
    ],
)
def test_impossible_combinations(tmp_path: Path, text: str, problem: str) -> None:
    (found,) = problems(tmp_path, text)
    assert re.match(problem, found), found


def test_a_newline_at_the_end_is_no_part_of_a_name(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, '[kafka]\nerrors_topic = "errors\\n"')
    assert 'found "errors\\n"' in found


def test_an_engine_that_neither_ingests_nor_applies_watches(tmp_path: Path) -> None:
    file = tmp_path / "viewer.toml"
    file.write_text("[ingest]\nenabled = false\n[apply]\nenabled = false\n")
    settings = load_settings(file, {}, {})
    assert not settings.ingest.enabled
    assert not settings.apply.enabled


def test_no_secret_is_in_a_message(tmp_path: Path) -> None:
    text = (
        '[strapi]\ntoken = ["hunter2"]\nurl = "http://ada:hunter2@h"\ntokn = "hunter2"\n'
        '[mqtt]\nurl = "ws://ada:hunt/er2@h:1"\npassword = "hunter2"\n[kafka]\nbrokers = ["ada:hunter2@h:9"]\n'
    )
    found = "\n".join(problems(tmp_path, text))
    assert "hunter2" not in found
    assert "er2" not in found
    assert "password_file?" in found
    assert "***@h" in found


def test_a_file_that_can_not_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"absent\.toml: the settings file can't be read: No such file"):
        load_settings(tmp_path / "absent.toml", {}, {})
    with pytest.raises(SettingsError, match="can't be read: Is a directory"):
        load_settings(tmp_path, {}, {})
    (tmp_path / "latin.toml").write_bytes(b"# caf\xe9")
    with pytest.raises(SettingsError, match="not UTF-8: byte 5 is 0xe9"):
        load_settings(tmp_path / "latin.toml", {}, {})


def test_where_the_file_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, config = tmp_path / "data", tmp_path / "config"
    monkeypatch.setattr(platformdirs, "user_data_path", lambda name: data / name)
    monkeypatch.setattr(platformdirs, "user_config_path", lambda name: config / name)
    assert find_settings_file({}, tmp_path) is None
    own = config / "opsci" / "opsci.toml"
    own.parent.mkdir(parents=True)
    own.touch()
    assert find_settings_file({}, tmp_path) == own
    runner = data / "opsci" / "settings.toml"
    runner.parent.mkdir(parents=True)
    runner.touch()
    assert find_settings_file({}, tmp_path) == runner
    state = tmp_path / "state"
    assert find_settings_file({"OPSCI_STATE": str(state)}, tmp_path) == own
    state.mkdir()
    (state / "settings.toml").touch()
    assert find_settings_file({"OPSCI_STATE": "state"}, tmp_path) == state / "settings.toml"
    environ = {"OPSCI_STATE": str(state), "OPSCI_CONFIG": "named.toml"}
    assert find_settings_file(environ, tmp_path) == tmp_path / "named.toml"
    assert find_settings_file(environ, tmp_path, config=Path("flag.toml")) == tmp_path / "flag.toml"


@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                ["[mqtt]", "[[routes]]", "[kafka]", 'mqtt = "a"', 'kafka = "b"', "drain = 3", "# x", "a.b=1"]
            ),
            st.text(max_size=30),
        ),
        max_size=8,
    )
)
def test_any_text_loads_or_is_explained(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    file = tmp_path_factory.getbasetemp() / "any.toml"
    file.write_bytes("\n".join(lines).encode("utf-8", "surrogatepass"))
    try:
        load_settings(file, {}, {})
    except SettingsError as error:
        assert str(error).startswith(str(file))


def test_a_loop_that_is_not_installed_is_said_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.runtime.importlib.util.find_spec", lambda _: None)
    (problem,) = problems(tmp_path, 'loop = "uvloop"\n')
    assert "loop: uvloop is not installed: pip install 'opsci[uvloop]', or take asyncio" in problem
