"""The log on standard error: lines for people or JSON for programs, without secrets and without a flood."""

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
"""It calls the first second of every group an error, and tries again by itself."""
_QUIET: Final = 60.0
_DIFFERENT: Final = 1_000


class _Secrets:
    """Takes secrets out of a text: those that are known, and what looks like one."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = sorted({secret for secret in secrets if secret}, key=len, reverse=True)

    def out_of(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
        return text


class TextFormatter(logging.Formatter):
    """One line a record for a person; a traceback follows on lines of its own.

    Args:
        secrets: what never stands in a line.
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
    """One JSON object a line: `time` (RFC 3339, UTC), `level`, `logger`, `message`, and `exception` where there is one.

    Args:
        secrets: what never stands in a line.
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
    """Lets each message of a library through once a minute: aiokafka says at every try that a broker is away.

    Args:
        seconds: how long the same message stays away.
    """

    def __init__(self, seconds: float = _QUIET) -> None:
        super().__init__()
        self._seconds = seconds
        self._said: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is logged; those of the engine and those for debugging always are."""
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
    """Send the log to standard error as the settings say.

    Args:
        settings: the format, the level, and the secrets that stay out of it.
        libraries: whether the clients' libraries are heard; a command that says itself what failed needs none.
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
        # What they say at `info`, a line a request or a rebalance, is the account's business here.
        logging.getLogger(library).setLevel(level if level <= logging.DEBUG else max(level, logging.WARNING))
        if not libraries and level > logging.DEBUG:
            logging.getLogger(library).setLevel(logging.CRITICAL + 1)
    logging.getLogger(_HUSHED).setLevel(level if level <= logging.DEBUG else logging.CRITICAL)


def _first_word(file: str) -> str:
    try:
        return Path(file).expanduser().read_text(encoding="utf-8").strip() if file else ""
    except (OSError, UnicodeDecodeError):
        return ""
