"""Reference texts generated from the settings model: the commented configs/opsci.toml and the README's table.

    python -m bridge.settings.reference

regenerates both.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from bridge.settings import model
from bridge.settings.edit import as_toml
from bridge.settings.model import Settings
from bridge.settings.names import SECTIONS, SETTINGS, limits
from bridge.settings.types import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.settings.names import Setting

__all__ = ["README", "SHIPPED", "about", "readme_with_table", "settings_file"]

_ROOT: Final = Path(model.__file__).parents[2]
SHIPPED: Final = _ROOT / "configs" / "opsci.toml"
README: Final = _ROOT / "README.md"

_WIDTH: Final = 120

_HEAD: Final = """\
# Every setting of opsci-bridge and opsci-tui, with its default. Copy this file, keep the lines that you change, and
# name the copy with --config FILE or OPSCI_CONFIG, or save it where both programs look: ~/.config/opsci/opsci.toml.
#
# A flag (--set mqtt.url=ws://broker:1883) overrides an environment variable (OPSCI_MQTT_URL), which overrides this
# file, which overrides the defaults. Each setting's variable is OPSCI_, its table and its name; lists are separated by
# commas there, and OPSCI_ROUTES, OPSCI_SCREEN_PRESETS and OPSCI_SCREEN_KEYS are JSON. `opsci-bridge check` tests the
# settings.
#
# Generated from bridge/settings/model.py by `python -m bridge.settings.reference`.
"""

_TO_KNOW: Final = (
    "mqtt.url",
    "mqtt.client_id",
    "mqtt.version",
    "mqtt.in_flight",
    "mqtt.outbox",
    "kafka.brokers",
    "kafka.group",
    "kafka.beginning",
    "strapi.url",
    "strapi.token_file",
    "strapi.mode",
    "ingest.take_over",
    "screen.language",
    "screen.presets",
    "screen.keys",
    "routes",
)
"""The settings in the README's table, in its order."""

_TABLE: Final = re.compile(r"(?<=\| setting \| default \| meaning \|\n\|---\|---\|---\|\n)(?:\|.*\n)*")
_UNSAID: Final = frozenset({"a text", "true or false"})
"""Limits that add nothing to the default."""


def about(key: str) -> list[str]:
    """The description of a setting.

    Args:
        key: its dotted name.

    Returns:
        The paragraphs of its docstring in the model. One that begins with four spaces is an example, to be shown
        verbatim.
    """
    setting = SETTINGS[key]
    owner = type(getattr(Settings(), setting.section)) if setting.section else Settings
    text = _attribute_docstrings()[owner.__name__][setting.name]
    paragraphs = text.split("\n\n")
    return [one if one.startswith("    ") else " ".join(one.split()) for one in paragraphs]


def settings_file() -> str:
    """The commented file with every setting and its default."""
    top = [setting for setting in SETTINGS.values() if not setting.section]
    plain = [_entry(setting) for setting in top if setting.key not in TABLES]
    sections = [
        f"# {_section_about(section)}\n[{section}]\n"
        + "".join(_entry(setting) for setting in SETTINGS.values() if setting.section == section)
        for section in SECTIONS
    ]
    rows = [_rows(setting) for setting in top if setting.key in TABLES]
    return "\n".join([_HEAD, "".join(plain), *sections, *rows]).replace("\n\n\n", "\n\n")


def readme_with_table(text: str) -> str:
    """Update the table of settings in the README.

    Args:
        text: the README.

    Raises:
        ValueError: it has no such table.
    """
    rows = "".join(f"| `{key}` | {_default_shown(SETTINGS[key])} | {_in_a_cell(about(key)[0])} |\n" for key in _TO_KNOW)
    new, count = _TABLE.subn(lambda _: rows, text)
    if count != 1:
        raise ValueError("the README has no table of settings")
    return new


@cache
def _attribute_docstrings() -> dict[str, dict[str, str]]:
    """The docstrings of the attributes of the model's classes, read from the source, as Python does not keep them."""
    found: dict[str, dict[str, str]] = {}
    for node in ast.parse(inspect.getsource(model)).body:
        if isinstance(node, ast.ClassDef):
            found[node.name] = {
                field.target.id: inspect.cleandoc(under.value.value)
                for field, under in zip(node.body, node.body[1:], strict=False)
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
                if isinstance(under, ast.Expr) and isinstance(under.value, ast.Constant)
                if isinstance(under.value.value, str)
            }
    return found


def _section_about(section: str) -> str:
    return inspect.getdoc(type(getattr(Settings(), section))) or ""


def _default(setting: Setting) -> object:
    defaults = Settings()
    return msgspec.to_builtins(
        getattr(getattr(defaults, setting.section) if setting.section else defaults, setting.name)
    )


def _comment(setting: Setting) -> str:
    paragraphs = about(setting.key)
    said = limits(setting.kind)
    if said not in _UNSAID and setting.key not in TABLES:
        paragraphs = [*paragraphs, f"Allowed: {said}."]
    return "".join(f"# {line}\n" for line in _wrapped(paragraphs))


def _wrapped(paragraphs: Iterable[str]) -> list[str]:
    lines: list[str] = []
    for one in paragraphs:
        if one.startswith("    "):
            lines += [line.removeprefix("    ") for line in one.split("\n")]
        else:
            lines += textwrap.wrap(one, _WIDTH - len("# "), break_long_words=False, break_on_hyphens=False)
    return lines


def _entry(setting: Setting) -> str:
    return f"{_comment(setting)}{setting.name} = {as_toml(_default(setting))}\n"


def _rows(setting: Setting) -> str:
    """Format a list of tables, each with its own head."""
    value = _default(setting)
    rows = value if isinstance(value, list) else []
    tables = [
        f"[[{setting.name}]]\n" + "".join(f"{name} = {as_toml(inner)}\n" for name, inner in row.items()) for row in rows
    ]
    return _comment(setting) + "\n".join(tables)


def _default_shown(setting: Setting) -> str:
    value = _default(setting)
    if setting.key == "routes" and isinstance(value, list):
        return ", ".join(f"`{row['mqtt']}` to `{row['kafka']}`" for row in value)
    if value in ("", [], {}):
        return "none" if setting.key in TABLES else "empty"
    return f"`{value}`" if isinstance(value, str) else f"`{as_toml(value)}`"


def _in_a_cell(text: str) -> str:
    return text.rstrip(".").replace("|", "\\|")


def main() -> int:
    """Regenerate the settings file and the README's table."""
    SHIPPED.write_text(settings_file(), encoding="utf-8")
    README.write_text(readme_with_table(README.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
