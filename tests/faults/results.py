"""The account as text for a person, and as the page tests/faults/RESULTS.md."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["page", "show", "write_results"]

_FOLDER: Final = Path(__file__).parent
_PAGE: Final = _FOLDER / "RESULTS.md"
_MEASURED: Final = _FOLDER / "results.json"

_AT_LENGTH: Final = ("_numbers", "evidence")

_BEFORE: Final = (
    ("published", "published"),
    ("acknowledged", "acknowledged by Mosquitto (PUBACK)"),
    ("in_kafka", "in Kafka"),
    ("applied", "applied"),
)
_AFTER: Final = (
    ("lost", "lost"),
    ("doubled", "counted twice"),
    ("forgotten", "forgotten by Mosquitto at its own kill"),
    ("repeated", "counted twice after Mosquitto's own kill"),
    ("unconfirmed", "without PUBACK, and arrived nowhere"),
    ("copies_beyond", "copies in Kafka beyond those sent, counted once"),
)


def show(document: Mapping[str, Any]) -> str:
    """The account as lines of text.

    Args:
        document: what `Outcome.as_json` gives.
    """
    lines = [f"{what:<52}{count:>11,}" for what, count in _counts(document)]
    lines += [f"{name}: {document[name]}" for name in ("stock_off", "strangers", "crashes") if document[name]]
    lines += [f"{name}: {document[f'{name}_numbers'][:50]}" for name in ("lost", "doubled") if document[name]]
    if not document["settled"]:
        lines.append("the chain did not come to rest")
    lines.append("every promise holds" if document["holds"] else "A PROMISE IS BROKEN")
    return "\n".join(lines)


def page(runs: Mapping[str, Mapping[str, Any]], backlog: Sequence[Mapping[str, Any]]) -> str:
    """The page of results.

    Args:
        runs: by mode and transport, what `Outcome.as_json` gave.
        backlog: what `measure` gave.
    """
    parts = [_HEAD]
    parts += [_run(document) for _, document in sorted(runs.items())]
    if backlog:
        parts.append(_backlog(backlog))
    return "\n".join(parts)


def write_results(*, run: Mapping[str, Any] | None = None, backlog: Sequence[Mapping[str, Any]] | None = None) -> Path:
    """Write the page of results with a new run or measure in it; the others stay as they were.

    Returns:
        The page.
    """
    known: dict[str, Any] = {"runs": {}, "backlog": []}
    if _MEASURED.exists():
        known = json.loads(_MEASURED.read_text())
    if run is not None:
        # Each number, and what is known of it, stands in the JSON that --json writes; the page has the sums.
        known["runs"][_kind(run)] = {name: value for name, value in run.items() if not name.endswith(_AT_LENGTH)}
    if backlog is not None:
        known["backlog"] = list(backlog)
    _MEASURED.write_text(json.dumps(known, indent=1) + "\n")
    _PAGE.write_text(page(known["runs"], known["backlog"]))
    return _PAGE


def _kind(document: Mapping[str, Any]) -> str:
    """What a run is the latest one of; runs that were kept before there was a choice were over TCP."""
    transport = document.get("transport", "tcp")
    return str(document["mode"]) if transport == "tcp" else f"{document['mode']} over {transport}"


def _counts(document: Mapping[str, Any]) -> list[tuple[str, int]]:
    rejected = document["rejected"]
    return [
        *((what, document[name]) for name, what in _BEFORE),
        ("rejected", sum(rejected.values())),
        *((f"  {reason}", count) for reason, count in sorted(rejected.items())),
        *((what, document[name]) for name, what in _AFTER),
    ]


def _run(document: Mapping[str, Any]) -> str:
    machine, mode = document["machine"], document["mode"]
    command = f"python3 -m stack faults --minutes {document['minutes']:g} --seed {document['seed']}"
    command += "" if mode == "ledger" else f" --mode {mode}"
    transport = document.get("transport", "tcp")
    command += "" if transport == "tcp" else f" --transport {transport}"
    ways = {"ledger": "our Strapi's ledger", "rest5": "plain REST, with the position in the row"}
    lines = [
        f"## {document['minutes']:g} minutes of faults on {ways[mode]}{'' if transport == 'tcp' else f', {transport}'}",
        "",
        f"`{command}`, {document['rate']:g} messages/s, on {machine['cores']} cores and {machine['memory_mb']:,} MB, "
        f"{machine['system']}, Python {machine['python']}, "
        f"commit {machine['commit']}. **{'Every promise held.' if document['holds'] else 'A promise was broken.'}**",
        "",
        "| messages | count |",
        "|---|---:|",
        *(f"| {what.replace('  ', '&nbsp;&nbsp;rejected: ')} | {count:,} |" for what, count in _counts(document)),
        "",
        "By product, numbers of messages, and by how much the ledger and the stock moved:",
        "",
        "| product | published | in Kafka | applied | recorded | stock shows |",
        "|---:|---:|---:|---:|---:|---:|",
        *(
            f"| {row} | {line['published']:,} | {line['in_kafka']:,} | {line['applied']:,} "
            f"| {line['recorded']:+,} | {line['shown']:+,} |"
            for row, line in document["products"].items()
        ),
        "",
        f"{len(document['faults'])} faults. *Back* is the time from the end of the fault until a movement that was "
        "published after it had changed the stock.",
        "",
        "| at | fault | lasted | back |",
        "|---:|---|---:|---:|",
        *(
            f"| {one['at']:.0f} s | {one['text']} | {one['lasted']:.1f} s | {_back(one['recovery'])} |"
            for one in document["faults"]
        ),
        "",
    ]
    return "\n".join(lines)


def _back(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 0 else "never"


def _backlog(backlog: Sequence[Mapping[str, Any]]) -> str:
    lines = [
        _BACKLOG_HEAD,
        "| settings | live, messages/s | queued | at messages/s | longest stop | came back | file | memory "
        "| taken, then killed | forgotten |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
        *(
            f"| {one['settings']} | {one['live']:,} | {one['filled']:,} | {one['rate']:,} | {one['longest']:.2f} s "
            f"| {one['back']:,} | {one['file_mb']} MB | {one['memory_mb']} MB | {one['taken']:,} "
            f"| {one['forgotten']:,} |"
            for one in backlog
        ),
        "",
    ]
    return "\n".join(lines)


_HEAD: Final = """\
# Results

Made by `python3 -m stack faults`, on real servers and the real engine; nothing here was typed.

A message is *lost* where Mosquitto said that it has it, or where it stands in Kafka, and it is neither in the stock
nor among the dead letters. It is *counted twice* where it changed the stock more than once. Two of three publishers
have no movement-id: those send a message once, and where no PUBACK came no one knows whether the broker has it. Those
with ids send again until the PUBACK comes.

Mosquitto says PUBACK before it writes its queue, so a SIGKILL takes it back to its last write. What it then forgets,
or hands out anew although the engine had it, is counted apart, and only with evidence: a proxy hears every message
and every acknowledgement between it and the engine. Movements with an id count once even then.

Plain REST keeps no ledger: there *applied* is what Kafka holds without a dead letter, and the stock has to show exactly
that, product by product. No movement has an id there, and one engine works alone.

The clock step is one of the engine's process: its Python reads a wall clock that is off. A network is one of our
own proxies between two ends.
"""

_BACKLOG_HEAD: Final = """\
## What Mosquitto keeps through its own SIGKILL

`python3 -m stack faults --backlog`. *Live* is what passes to a subscriber who is there. Then messages are queued for
one who is away, for two minutes at most; once the queue was written, Mosquitto is killed, and what comes back is
counted. At last it is killed while messages come, 400 a second: what it had acknowledged and did not bring back is
forgotten.
"""
