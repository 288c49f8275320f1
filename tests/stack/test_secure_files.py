"""The secured profile's files: certificates created, kept and renewed, users, and states that stay secured."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import stat
from typing import TYPE_CHECKING

import pytest

from stack.command import main
from stack.errors import StateError
from stack.paths import ROOT, Paths
from stack.ports import Addresses, Ports
from stack.report import Report
from stack.run_state import Damage, damaged_files
from stack.secure.certificates import CERTIFIED, OpenSsl, Signer, make_certificates
from stack.secure.credentials import MQTT_USERS, Credentials, make_passwords, mosquitto_line
from stack.servers.kafka import GROUP, TOPICS, render_properties
from stack.servers.mosquitto import render_mosquitto

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_SECURE = ROOT / "configs" / "secure"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Valid certificates, to be copied or left unchanged."""
    made = tmp_path_factory.mktemp("certs") / "certs"
    make_certificates(made)
    return made


def _mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def test_each_server_gets_a_certificate_for_this_machine(folder: Path) -> None:
    openssl = OpenSsl()
    for name in CERTIFIED:
        certificate = folder / f"{name}.pem"
        assert openssl.is_good(certificate, folder / f"{name}.key", folder / "ca.pem", days=300)
        assert {"localhost", "127.0.0.1"} <= openssl.hosts(certificate)
    assert _mode(folder) == 0o700
    for file in folder.iterdir():
        is_secret = file.suffix == ".key" or "keystore" in file.name
        assert _mode(file) == 0o600 if is_secret else file.suffix in {".pem", ""}
        assert ("PRIVATE KEY" in file.read_text()) == is_secret


def test_good_ones_stay_and_another_name_makes_new_ones_of_the_same_authority(tmp_path: Path) -> None:
    folder = tmp_path / "certs"
    assert all(certificate.made for certificate in make_certificates(folder))
    assert not any(certificate.made for certificate in make_certificates(folder))
    authority = (folder / "ca.pem").read_text()
    made = {certificate.name: certificate.made for certificate in make_certificates(folder, ["broker.lan", "10.0.0.7"])}
    assert made == {"authority": False, **dict.fromkeys(CERTIFIED, True)}
    assert (folder / "ca.pem").read_text() == authority
    assert {"broker.lan", "10.0.0.7", "localhost"} <= OpenSsl().hosts(folder / "kafka.pem")
    # A renewal at a start knows no names, and must not forget these.
    (folder / "kafka.pem").unlink()
    assert [found.name for found in make_certificates(folder) if found.made] == ["kafka"]
    assert "broker.lan" in OpenSsl().hosts(folder / "kafka.pem")


def test_what_ends_soon_or_is_of_another_key_is_renewed(tmp_path: Path) -> None:
    folder = tmp_path / "certs"
    make_certificates(folder)
    openssl, signer = OpenSsl(), Signer(folder / "ca.pem", folder / "ca.key")
    openssl.sign(folder / "web.key", folder / "web.pem", "web", ["localhost"], signer, days=20, usage="serverAuth")
    openssl.make_key(folder / "strapi.key")
    assert {found.name for found in make_certificates(folder) if found.made} == {"web", "strapi"}
    (folder / "ca.key").unlink()
    assert all(found.made for found in make_certificates(folder))
    assert openssl.is_good(folder / "web.pem", folder / "web.key", folder / "ca.pem", days=300)


@pytest.mark.parametrize("host", ["", "a b", "-x", "host/../x", "a,DNS:evil.example", "300.1.1.1:80", "x" * 300])
def test_a_host_that_is_none_is_refused(tmp_path: Path, host: str) -> None:
    with pytest.raises(StateError, match="is no name of a host and no address"):
        make_certificates(tmp_path / "certs", [host])
    assert not (tmp_path / "certs" / "ca.key").exists()


def test_the_command_says_where_everything_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "certs"
    assert main(["certs", "--dir", str(target), "--host", "opsci.lan"]) == 0
    said = capsys.readouterr().out
    for file in [target / "ca.pem", *(target / f"{name}.pem" for name in CERTIFIED)]:
        assert str(file) in said
        assert file.is_file()
    assert "opsci.lan" in said
    assert main(["certs", "--dir", str(target)]) == 0
    assert "made" not in capsys.readouterr().out
    (tmp_path / "file").touch()
    assert main(["certs", "--dir", str(tmp_path / "file" / "certs")]) == 1
    assert "certificates can't be made in" in capsys.readouterr().err


def test_passwords_are_random_kept_and_for_their_owner_alone(tmp_path: Path) -> None:
    first = make_passwords(tmp_path / "one")
    assert make_passwords(tmp_path / "one") == first
    assert len(set(first.values())) == len(first) == 6
    assert not set(first.values()) & set(make_passwords(tmp_path / "two").values())
    assert {_mode(tmp_path / "one" / name) for name in first} == {0o600}
    (tmp_path / "one" / "mqtt-engine").write_text("my own\n")
    assert make_passwords(tmp_path / "one")["mqtt-engine"] == "my own"


def test_mosquittos_line_is_salted_and_of_the_password() -> None:
    line = mosquitto_line("engine", "secret")
    found = re.fullmatch(r"engine:\$7\$(\d+)\$([^$]+)\$([^$\n]+)\n", line)
    assert found
    digest = hashlib.pbkdf2_hmac("sha512", b"secret", base64.b64decode(found[2]), int(found[1]), 64)
    assert base64.b64decode(found[3]) == digest
    assert line != mosquitto_line("engine", "secret")


def test_a_secured_state_stays_secured_and_an_open_one_is_not_made_so(tmp_path: Path) -> None:
    secured = Paths.of(tmp_path / "secured", tmp_path)
    secured.claim(secure=True)
    secured.claim()
    assert secured.is_secure
    open_to_all = Paths.of(tmp_path / "open", tmp_path)
    open_to_all.claim()
    open_to_all.record.write_text("{}")
    with pytest.raises(StateError, match="let everyone in"):
        open_to_all.claim(secure=True)
    assert not open_to_all.is_secure


def test_the_secured_servers_keep_their_data_apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("OPSCI_STATE", raising=False)
    assert Paths.of(secure=True).state == Paths.of().state.with_name("opsci-secure")
    monkeypatch.setenv("OPSCI_STATE", str(tmp_path / "mine"))
    assert Paths.of(secure=True).state == tmp_path / "mine-secure"
    assert Paths.of(tmp_path / "named", secure=True).state == tmp_path / "named"


def test_every_address_is_with_tls() -> None:
    addresses = Addresses.of(Ports(), secure=True)
    assert addresses.mqtt_ws.startswith("wss://")
    assert addresses.mqtt_tcp.startswith("mqtts://")
    assert addresses.strapi.startswith("https://")
    assert addresses.web.startswith("https://")


def _lines(name: str) -> list[str]:
    return [line for line in (_SECURE / name).read_text().splitlines() if line and not line.startswith("#")]


def test_both_of_mosquittos_listeners_have_tls_and_no_one_is_anonymous(tmp_path: Path) -> None:
    door = Credentials(tmp_path)
    text = render_mosquitto(
        (_SECURE / "mosquitto.conf").read_text(), Ports(), tmp_path, tmp_path / "log", files=door.mosquitto_files()
    )
    listeners = text.split("\nlistener ")[1:]
    assert len(listeners) == 2
    for listener in listeners:
        assert f"certfile {door.certificates}/mosquitto.pem" in listener
        assert f"keyfile {door.certificates}/mosquitto.key" in listener
        assert "tls_version tlsv1.2" in listener
    assert "allow_anonymous false" in text
    assert "/mosquitto/config" not in text


def test_mosquittos_rights_are_those_of_its_users() -> None:
    rights: dict[str, set[str]] = {}
    user = ""
    for line in _lines("mosquitto.acl"):
        if line.startswith("user "):
            user = line.removeprefix("user ")
        else:
            assert user, "a right without a user is everyone's"
            rights.setdefault(user, set()).add(line)
    assert rights == {
        "engine": {
            "topic read topic",
            "topic read product",
            "topic read event",
            "topic readwrite opsci/engines/#",
        },
        "object": {"topic write topic", "topic write product", "topic write event"},
        "publisher": {"topic write topic"},
    }
    assert rights.keys() == set(MQTT_USERS)


def test_kafka_lets_in_by_tls_and_scram_alone() -> None:
    properties = dict(line.split("=", 1) for line in _lines("kafka.properties"))
    assert properties["listener.security.protocol.map"] == "SASL_SSL:SASL_SSL,CONTROLLER:SSL"
    assert properties["listener.name.controller.ssl.client.auth"] == "required"
    assert properties["sasl.enabled.mechanisms"] == "SCRAM-SHA-512"
    assert properties["allow.everyone.if.no.acl.found"] == "false"
    assert properties["authorizer.class.name"].endswith("StandardAuthorizer")
    assert "bridge" not in properties["super.users"]
    for listener in properties["listeners"].split(","):
        assert "://127.0.0.1:" in listener
    assert TOPICS.keys() == {"stock", "product", "event", "errors"}
    assert GROUP == "stock-creator"


def test_what_the_two_profiles_share_is_the_same() -> None:
    """A queue's size or a retention that is changed in one must not stay behind in the other."""
    door = r"listener|advertised|ssl\.|sasl\.|authorizer|allow\.everyone|super\.users|inter\.broker"
    for name in ("kafka.properties", "mosquitto.conf"):
        plain = [line for line in (ROOT / "configs" / name).read_text().splitlines() if line and line[0] != "#"]
        ours = r"allow_anonymous" if name == "mosquitto.conf" else door
        assert {line for line in plain if not re.match(ours, line)} <= set(_lines(name))


def test_a_password_with_quotes_reaches_java_whole(tmp_path: Path) -> None:
    door = Credentials(tmp_path)
    (tmp_path / "passwords").mkdir()
    door.password_file("kafka-broker").write_text('a"b\\c')
    text = render_properties((_SECURE / "kafka.properties").read_text(), door.kafka_properties())
    # Once for the properties file, once for JAAS.
    assert 'password="a\\\\"b\\\\\\\\c";' in text


_DAMAGES = {"empty": lambda _: b"", "NUL bytes": lambda text: bytes(len(text)), "cut short": lambda text: text[:20]}


@pytest.mark.parametrize("how", _DAMAGES.values(), ids=_DAMAGES)
def test_a_damaged_password_comes_back_from_its_copy(tmp_path: Path, how: Callable[[bytes], bytes]) -> None:
    paths = Paths.of(tmp_path / "state")
    paths.claim(secure=True)
    damage = Damage(paths, Report(quiet=True))
    folder = paths.credentials / "passwords"
    first = make_passwords(folder, damage)
    file = folder / "kafka-admin"
    content = how(file.read_bytes())
    file.write_bytes(content)
    assert make_passwords(folder, damage) == first
    (aside,) = folder.glob("kafka-admin.damaged-*")
    assert (aside.read_bytes(), _mode(paths.credentials / "passwords.json")) == (content, 0o600)
    assert any(str(aside) in line and "nothing is lost" in line for line in damaged_files(paths))


@pytest.mark.parametrize("how", _DAMAGES.values(), ids=_DAMAGES)
def test_damaged_certificates_are_kept_and_made_again(
    folder: Path, tmp_path: Path, how: Callable[[bytes], bytes]
) -> None:
    paths = Paths.of(tmp_path / "state")
    paths.claim(secure=True)
    damage = Damage(paths, Report(quiet=True))
    certificates = paths.credentials / "certs"
    shutil.copytree(folder, certificates)
    for name in ("web.pem", "strapi.key", "hosts"):
        file = certificates / name
        file.write_bytes(how(file.read_bytes()) if name != "hosts" else bytes(20))
    assert {found.name for found in make_certificates(certificates, damage=damage) if found.made} == {"web", "strapi"}
    assert len([*certificates.glob("*.damaged-*")]) == len([*damaged_files(paths)]) == 3
    (certificates / "ca.key").write_bytes(how((certificates / "ca.key").read_bytes()))
    assert all(found.made for found in make_certificates(certificates, damage=damage))
    assert any("has to trust ca.pem again" in line for line in damaged_files(paths))
