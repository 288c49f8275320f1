"""Settings files are written atomically, and each change goes to the right file."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from bridge.errors import SettingsError
from bridge.settings.files import (
    GENERATED,
    changes_file,
    home_of,
    is_generated,
    own_file,
    replace_file,
    snapshot,
)
from bridge.settings.load import Sources, load
from stack.paths import Paths
from stack.ports import Ports
from stack.settings import saved_addresses, write_settings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def test_a_new_file_is_made_with_its_folder_and_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "opsci.toml"
    replace_file(snapshot(path), "drain = 1\n")
    assert path.read_text() == "drain = 1\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["opsci.toml"]


def test_permissions_and_links_stay(tmp_path: Path) -> None:
    real, link = tmp_path / "real.toml", tmp_path / "link.toml"
    real.write_text("drain = 1\n")
    real.chmod(0o640)
    link.symlink_to("real.toml")
    replace_file(snapshot(link), "drain = 2\n")
    assert link.is_symlink()
    assert real.read_text() == "drain = 2\n"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


def test_what_someone_else_wrote_meanwhile_stays(tmp_path: Path) -> None:
    path = tmp_path / "opsci.toml"
    absent = snapshot(path)
    path.write_text("drain = 1\n")
    with pytest.raises(SettingsError, match="changed by someone else meanwhile: nothing was written"):
        replace_file(absent, "drain = 9\n")
    before = snapshot(path)
    path.write_text("drain = 2\n")
    with pytest.raises(SettingsError, match="changed by someone else meanwhile"):
        replace_file(before, "drain = 9\n")
    assert path.read_text() == "drain = 2\n"


def test_what_can_not_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="can't be"):
        replace_file(snapshot(tmp_path / "file" / "opsci.toml"), "x")
    path = tmp_path / "opsci.toml"
    path.write_text("drain = 1\n")
    with pytest.raises(SettingsError, match="not UTF-8"):
        replace_file(snapshot(path), "\ud800")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["file", "opsci.toml"]
    assert path.read_text() == "drain = 1\n"


def test_the_runners_file_stands_between_the_persons_screen_and_the_changes(tmp_path: Path) -> None:
    paths = Paths.of(tmp_path / "state")
    paths.state.mkdir()
    write_settings(paths, Ports())
    generated = paths.settings
    assert is_generated(generated)
    own_file().parent.mkdir(parents=True)
    own_file().write_text('[mqtt]\nurl = "ws://far:1"\nnonsense = 1\n[screen]\ntheme = "nord"\nweb = "http://mine"\n')
    loaded = load(Sources(generated))
    assert loaded.settings.screen.theme == "nord"
    assert loaded.settings.screen.web == "http://127.0.0.1:8000"
    assert loaded.settings.mqtt.url == "mqtt://127.0.0.1:1884"
    assert loaded.given["screen.theme"].file == own_file()
    changes_file(generated).write_text("[mqtt]\nkeepalive = 5\n[screen]\nweb = ''\n")
    loaded = load(Sources(generated))
    assert (loaded.settings.mqtt.keepalive, loaded.settings.screen.web) == (5, "")
    own_file().write_text("[screen]\nkeep = 3\n")
    with pytest.raises(SettingsError, match=r"opsci\.toml, line 2: screen\.keep: found 3"):
        load(Sources(generated))


def test_the_runner_says_which_saved_address_counts_above_its_own(tmp_path: Path) -> None:
    paths = Paths.of(tmp_path / "state")
    paths.state.mkdir()
    assert saved_addresses(paths) == []
    write_settings(paths, Ports())
    assert saved_addresses(paths) == []
    changes = changes_file(paths.settings)
    changes.write_text('[mqtt]\nurl = "mqtt://127.0.0.1:1884"\nkeepalive = 5\n')
    assert saved_addresses(paths) == [], "the same address hides nothing"
    changes.write_text('[mqtt]\nurl = "mqtt://10.0.0.9:1"\n[kafka]\nbrokers = ["h:1", "h:2"]\n')
    mqtt, kafka = saved_addresses(paths)
    assert mqtt.startswith(
        f"mqtt.url was saved as mqtt://10.0.0.9:1 in {changes}: opsci-tui goes there and not to mqtt:"
    )
    assert "kafka.brokers was saved as h:1, h:2" in kafka
    assert "s, then x and ctrl+s take it back" in kafka
    changes.write_text("\0")
    assert saved_addresses(paths) == []


def test_a_change_goes_where_it_counts(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text("drain = 1\n")
    assert home_of("screen.theme", mine, None) == mine
    assert home_of("screen.theme", None, None) == own_file()
    generated = tmp_path / "settings.toml"
    generated.write_text(f"{GENERATED}: the local servers.\n")
    assert home_of("screen.theme", generated, None) == own_file()
    assert home_of("screen.web", generated, generated) == changes_file(generated)
    assert home_of("mqtt.url", generated, generated) == changes_file(generated)


def test_a_change_is_tried_before_it_is_written(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text("drain = 1\n")
    assert load(Sources(mine), {mine: "drain = 2\n"}).settings.drain == 2
    assert load(Sources(None), {own_file(): "drain = 3\n"}).settings.drain == 3
    with pytest.raises(SettingsError, match="line 1: drain"):
        load(Sources(mine), {mine: "drain = 0\n"})


def test_who_gave_a_setting_is_remembered(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text('[strapi]\ntoken = "x"\n[mqtt]\nurl = "ws://h:1"\nkeepalive = 3\n')
    environ = {"OPSCI_MQTT_KEEPALIVE": "4", "STRAPI_TOKEN_FILE": "/t", "MQTT_TOPIC": "hall"}
    given = load(Sources(mine, environ, {"drain": "7"})).given
    assert given["mqtt.url"].where == f"{mine}, line 4: mqtt.url"
    assert (given["mqtt.keepalive"].where, given["mqtt.keepalive"].file) == ("environment: OPSCI_MQTT_KEEPALIVE", None)
    assert given["drain"].where == "command line: drain"
    assert given["routes"].where == given["mqtt.publish_topic"].where == "environment: MQTT_TOPIC"
    assert "strapi.token" not in given
    assert "kafka.group" not in given
