"""The log on standard error: text for people or JSON for programs, without secrets and floods of messages."""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bridge.text import readable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.settings import Settings

__all__ = ["JsonFormatter", "Repeats", "TextFormatter", "start_logging"]

_PATTERNS: Final = (
    (re.compile(r"(?i)\b(bearer\s+)[^\s'\",]+"), r"\1***"),
    (re.compile(r"(\w://)[^\s/@'\"]+@"), r"\1***@"),
)
_LIBRARIES: Final = ("aiokafka", "kafka", "aiomqtt", "paho", "httpx", "httpcore", "asyncio")
_HUSHED: Final = "aiokafka.consumer.group_coordinator"
"""It reports the first second of every group as an error, and retries."""
_QUIET: Final = 60.0
_DIFFERENT: Final = 1_000


class _Secrets:
    """Removes secrets from a text: known ones, and anything that looks like one."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = sorted({secret for secret in secrets if secret}, key=len, reverse=True)

    def out_of(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
        return text


class TextFormatter(logging.Formatter):
    """Formats a record as one line for people, followed by the traceback if there is one.

    Args:
        secrets: texts that must never be logged.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        self._secrets = _Secrets(secrets)

    def format(self, record: logging.LogRecord) -> str:
        at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record.created))
        line = f"{at}.{int(record.msecs):03d} {record.levelname:<7} {record.name}: {readable(record.getMessage())}"
        if record.exc_info:
            line = f"{line}\n{self.formatException(record.exc_info)}"
        return self._secrets.out_of(line)


class JsonFormatter(logging.Formatter):
    """Formats a record as one JSON object: `time` (RFC 3339, UTC), `level`, `logger`, `message`, maybe `exception`.

    Args:
        secrets: texts that must never be logged.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        self._secrets = _Secrets(secrets)

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._secrets.out_of(record.getMessage()),
        }
        if record.exc_info:
            entry["exception"] = self._secrets.out_of(self.formatException(record.exc_info))
        return json.dumps(entry)


class Repeats(logging.Filter):
    """Limits each message of a library to once a minute: aiokafka repeats at every attempt that a broker is away.

    Args:
        seconds: how long a repeated message is suppressed.
    """

    def __init__(self, seconds: float = _QUIET) -> None:
        super().__init__()
        self._seconds = seconds
        self._said: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to log the record; those of the engine and those for debugging always are."""
        if not record.name.startswith(_LIBRARIES) or record.levelno <= logging.DEBUG:
            return True
        what = (record.name, str(record.msg))
        if record.created - self._said.get(what, 0.0) < self._seconds:
            return False
        if len(self._said) >= _DIFFERENT:
            self._said.clear()
        self._said[what] = record.created
        return True


def start_logging(settings: Settings, *, libraries: bool = True) -> None:
    """Send the log to standard error, as configured.

    Args:
        settings: the format, the level, and the secrets that must not be logged.
        libraries: whether the client libraries are logged; not needed by a command that reports failures itself.
    """
    secrets = [settings.strapi.token.strip(), _first_word(settings.strapi.token_file)]
    secrets.append(_first_word(settings.mqtt.password_file))
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(secrets) if settings.log.format == "json" else TextFormatter(secrets))
    handler.addFilter(Repeats())
    level = logging.getLevelNamesMapping()[settings.log.level.upper()]
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    for library in _LIBRARIES:
        # Their `info` level has a line for each request or rebalance, which the engine's account covers here.
        logging.getLogger(library).setLevel(level if level <= logging.DEBUG else max(level, logging.WARNING))
        if not libraries and level > logging.DEBUG:
            logging.getLogger(library).setLevel(logging.CRITICAL + 1)
    logging.getLogger(_HUSHED).setLevel(level if level <= logging.DEBUG else logging.CRITICAL)


def _first_word(file: str) -> str:
    try:
        return Path(file).expanduser().read_text(encoding="utf-8").strip() if file else ""
    except (OSError, UnicodeDecodeError):
        return ""
