"""The page tests/faults/SECURITY.md: every attack with its latest outcome."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from stack.run_state import hold
from tests.faults.attacks.attack import ATTACKS, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.faults.attacks.attack import Attack
    from tests.faults.attacks.run import Tried

__all__ = ["PAGE", "page_of", "write_page"]

_FOLDER: Final = Path(__file__).parent.parent
PAGE: Final = _FOLDER / "SECURITY.md"
_SEEN: Final = _FOLDER / "attacks.json"

_TARGETS: Final = {
    "strapi": "Strapi",
    "websockets": "MQTT over websockets from a foreign page",
    "pages": "The web page, the served screen, health and metrics",
    "browser": "A foreign page in a real browser",
    "mqtt": "MQTT: sessions, users and rights",
    "processes": "What a process shows",
    "files": "Files",
    "exports": "Exports and recordings",
    "kafka": "Kafka",
    "memory": "Memory",
    "lan": "From the network, with `--lan`",
}


def page_of(seen: Mapping[str, Mapping[str, Any]], machine: Mapping[str, Any]) -> str:
    """Format the page.

    Args:
        seen: the outcome of each attack, by `profile/id`: `word`, `seen`, `date`, `commit`.
        machine: the result of `tests.faults.run.machine`.
    """
    rows = [(one, profile, seen.get(f"{profile}/{one.identity}")) for one, profile in _all()]
    good = sum(row is not None and _outcome(row).is_good for *_, row in rows)
    days = sorted({row["date"] for *_, row in rows if row})
    commits = sorted({row["commit"] for *_, row in rows if row})
    lines = [
        "# Attacks",
        "",
        "Made by `python3 -m stack faults --attacks` on real servers, a chain of its own for each profile, each with "
        "its engine, its web page and `opsci-tui --serve`; nothing here was typed.",
        "",
        f"{' to '.join(dict.fromkeys((days[0], days[-1]))) if days else 'Never tried'}, {machine['cores']} cores and "
        f"{machine['memory_mb']:,} MB, {machine['system']}, Python {machine['python']}, commit {', '.join(commits)}. "
        f"**{good} of {len(rows)} attacks held.**",
        "",
        "*plain* is `python3 -m stack run`, *secured* is `--secure`, *lan* is `--lan` from the network. *Item* is the "
        "number in the issue that an attack is from, or *new*. What counts as held stands under each title; beside it "
        "what was seen. An attack that reads as *FAILED* broke off, and nothing is known of its door.",
    ]
    for target, heading in _TARGETS.items():
        lines += [
            "",
            f"## {heading}",
            "",
            "| id | item | attack | profile | result | seen |",
            "|---|---|---|---|---|---|",
        ]
        lines += [_row(one, profile, row) for one, profile, row in rows if one.target == target]
    return "\n".join([*lines, ""])


def write_page(tried: Sequence[Tried]) -> Path:
    """Update the page with the outcomes of some attacks; the others stay.

    Returns:
        The path of the page.
    """
    from tests.faults.run import machine

    here = machine()
    # Profiles may be tried side by side.
    with hold(_SEEN, lambda: None):
        known: dict[str, Any] = json.loads(_SEEN.read_text() or "{}")
        for one in tried:
            known[f"{one.profile}/{one.attack.identity}"] = {
                **one.outcome._asdict(),
                "seconds": one.seconds,
                "date": time.strftime("%Y-%m-%d"),
                "commit": here["commit"],
            }
        listed = [f"{profile}/{one.identity}" for one, profile in _all()]
        known = {name: known[name] for name in listed if name in known}
        _SEEN.write_text(json.dumps(known, indent=1) + "\n")
        PAGE.write_text(page_of(known, here))
    return PAGE


def _all() -> list[tuple[Attack, str]]:
    order = list(_TARGETS)
    known = sorted(ATTACKS.values(), key=lambda one: order.index(one.target))
    return [(one, profile) for one in known for profile in one.profiles]


def _outcome(row: Mapping[str, Any]) -> Outcome:
    return Outcome(row["word"], row["seen"])


def _row(attack: Attack, profile: str, row: Mapping[str, Any] | None) -> str:
    outcome = _outcome(row) if row else Outcome("not tried", "")
    word = outcome.word if outcome.word == "held" else f"**{outcome.word}**"
    title = f"{attack.title}. *Held:* {attack.wanted}"
    cells = (f"`{attack.identity}`", attack.item, title, profile, word, outcome.seen)
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
