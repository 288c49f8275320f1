"""Inconsistent settings of users and authorities, and files with secrets that are unreadable or open to others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.errors import SettingsError
from bridge.secret import open_secrets, read_secret, warning_of_open_secrets
from bridge.settings import KafkaSettings, MqttSettings, Settings, StrapiSettings
from bridge.settings.load import load_settings
from bridge.tls import certificate_refusal, trust

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        ({"mqtt.password_file": "p"}, "set mqtt.username"),
        ({"mqtt.publish_password_file": "p"}, "set mqtt.publish_username"),
        ({"kafka.password_file": "p"}, "set kafka.username"),
        ({"kafka.username": "u", "kafka.password_file": "p"}, "set kafka.security to sasl_ssl"),
        ({"kafka.security": "sasl_ssl"}, "set kafka.username"),
        ({"kafka.security": "sasl_ssl", "kafka.username": "u"}, "set kafka.password_file"),
        (
            {
                "kafka.security": "sasl_plaintext",
                "kafka.mechanism": "PLAIN",
                "kafka.username": "u",
                "kafka.password_file": "p",
            },
            "in clear",
        ),
        ({"kafka.security": "SSL"}, "kafka.security"),
    ],
)
def test_users_that_can_not_work(flags: dict[str, object], why: str) -> None:
    with pytest.raises(SettingsError, match=why):
        load_settings(None, {}, flags)


def test_a_whole_user_can_work() -> None:
    flags = {"kafka.security": "sasl_ssl", "kafka.username": "u", "kafka.password_file": "p"}
    assert load_settings(None, {}, flags).kafka.mechanism == "SCRAM-SHA-512"


def test_an_authority_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"kafka\.ca_file: .*No such file"):
        trust(str(tmp_path / "none.pem"), "kafka.ca_file")
    (tmp_path / "text.pem").write_text("no certificate")
    with pytest.raises(SettingsError, match="there is no certificate in it"):
        trust(str(tmp_path / "text.pem"), "kafka.ca_file")
    assert trust("", "kafka.ca_file").check_hostname


def test_a_failure_that_is_not_the_certificates() -> None:
    assert certificate_refusal("mqtt", "a", "mqtt.ca_file", OSError("refused")) is None
    assert certificate_refusal("mqtt", "a", "mqtt.ca_file", None) is None


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe", b"a\x00b"])
def test_a_password_that_can_not_be_sent(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "password"
    file.write_bytes(content)
    with pytest.raises(SettingsError, match=r"mqtt\.password_file") as error:
        read_secret(str(file), "mqtt.password_file")
    assert repr(content) not in str(error.value)


@pytest.mark.parametrize(("mode", "open_to_others"), [(0o600, False), (0o640, False), (0o604, True), (0o620, True)])
def test_who_else_may_read_a_secret(tmp_path: Path, mode: int, open_to_others: bool) -> None:
    file = tmp_path / "secret"
    file.write_text("s")
    file.chmod(mode)
    settings = Settings(
        mqtt=MqttSettings(password_file=str(file)),
        kafka=KafkaSettings(password_file=str(tmp_path / "none")),
        strapi=StrapiSettings(token_file=str(file)),
    )
    assert dict(open_secrets(settings)) == (
        {"mqtt.password_file": str(file), "strapi.token_file": str(file)} if open_to_others else {}
    )
    warning = warning_of_open_secrets(settings)
    assert (warning is not None) == open_to_others
    assert warning is None or warning.endswith(f"chmod 600 {file}")
