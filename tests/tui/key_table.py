"""Write the README's table of keys from the registry of actions: `python -m tests.tui.key_table`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from tui.actions import ACTIONS, HELP, Action, key_cap

if TYPE_CHECKING:
    from collections.abc import Iterator

README: Final = Path(__file__).parents[2] / "README.md"
BEGIN: Final = "<!-- keys: written by `python -m tests.tui.key_table` -->\n"
END: Final = "<!-- end of keys -->\n"


def key_table() -> str:
    """The table: a row for each action with a description, and one row for the others of a scope."""
    rows = ["| key | does |", "|---|---|"]
    told: set[str] = set()
    for heading, scopes in (*HELP["main"], ("On every screen", ("app",))):
        actions = [action for scope in scopes for action in ACTIONS[scope] if action.keys and action.id not in told]
        told.update(action.id for action in actions)
        rows += [f"| **{heading}** | |", *_rows(actions)]
    return "\n".join(rows) + "\n"


def replaced(readme: str) -> str:
    """The README with the table from the registry."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{key_table()}\n{END}{after}"


def _rows(actions: list[Action]) -> Iterator[str]:
    plain = [action for action in actions if not action.help]
    if plain:
        yield f"| {', '.join(map(_caps, plain))} | {', '.join(action.title.lower() for action in plain)} |"
    for action in actions:
        if action.help:
            yield f"| {_caps(action)} | {action.help} |"


def _caps(action: Action) -> str:
    return " ".join(f"`{key_cap(key)}`" for key in action.keys.split(","))


if __name__ == "__main__":
    README.write_text(replaced(README.read_text(encoding="utf-8")), encoding="utf-8")
