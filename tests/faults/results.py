"""The account as text, and as the page tests/faults/RESULTS.md."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from stack.run_state import hold
from tests.faults.edges import edges_table

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
    ("kept", "of these kept by their publishers until the stock showed them"),
    ("in_kafka", "in Kafka"),
    ("applied", "applied"),
)
_AFTER: Final = (
    ("lost", "lost"),
    ("doubled", "counted twice"),
    ("forgotten", "forgotten by Mosquitto at its own kill"),
    ("told", "lost with all that Mosquitto kept, and told"),
    ("repeated", "counted twice after Mosquitto's own kill"),
    ("deleted", "deleted by Kafka unapplied, told with the count"),
    ("resent", "counted as often as their publisher sent them, without a ledger"),
    ("taken_back", "taken back by a transaction, and applied nowhere"),
    ("uncommitted", "taken back by a transaction, and applied all the same"),
    ("unconfirmed", "without PUBACK, and arrived nowhere"),
    ("copies_beyond", "copies in Kafka beyond those sent, counted once"),
)

_ALIKE: Final = (
    ("published", "published beside these, and nothing tells them apart"),
    ("acknowledged", "of those acknowledged by Mosquitto"),
    ("applied", "of those applied"),
    ("missing", "of those surely missing"),
    ("beyond", "of those surely counted twice"),
)


def show(document: Mapping[str, Any]) -> str:
    """Format the account as lines of text.

    Args:
        document: the result of `Outcome.as_json`.
    """
    lines = [f"{what:<52}{count:>11,}" for what, count in _counts(document)]
    uneven = ("stock_off", "strangers", "apart", "crashes")
    lines += [f"{name}: {document[name]}" for name in uneven if document.get(name)]
    lines += [
        f"{name}: {document[f'{name}_numbers'][:50]}"
        for name in ("lost", "doubled", "uncommitted")
        if document.get(name)
    ]
    lines += [
        f"product {row}, whose movements nothing tells apart: {line}"
        for row, line in document.get("alike", {}).items()
        if line["missing"] or line["beyond"]
    ]
    if not document["settled"]:
        lines.append("the chain did not come to rest")
    lines.append("every promise holds" if document["holds"] else "A PROMISE IS BROKEN")
    return "\n".join(lines)


def page(runs: Mapping[str, Mapping[str, Any]], backlog: Sequence[Mapping[str, Any]]) -> str:
    """Format the page of results.

    Args:
        runs: by mode and transport, the results of `Outcome.as_json`.
        backlog: the result of `measure`.
    """
    parts = [_HEAD, edges_table()]
    parts += [_run(document) for _, document in sorted(runs.items())]
    if backlog:
        parts.append(_backlog(backlog))
    return "\n".join(parts)


def write_results(*, run: Mapping[str, Any] | None = None, backlog: Sequence[Mapping[str, Any]] | None = None) -> Path:
    """Update the page of results with a new run or measurement; the others stay.

    Returns:
        The page.
    """
    # Runs of several profiles may end side by side.
    with hold(_MEASURED, lambda: None):
        known: dict[str, Any] = {"runs": {}, "backlog": [], **json.loads(_MEASURED.read_text() or "{}")}
        if run is not None:
            # Each number, and what is known of it, stands in the JSON that --json writes; the page has the sums.
            known["runs"][_kind(run)] = {name: value for name, value in run.items() if not name.endswith(_AT_LENGTH)}
        if backlog is not None:
            known["backlog"] = list(backlog)
        _MEASURED.write_text(json.dumps(known, indent=1) + "\n")
        _PAGE.write_text(page(known["runs"], known["backlog"]))
    return _PAGE


def _kind(document: Mapping[str, Any]) -> str:
    """Return the kind of a run, of which the page shows the latest; runs without one were plain ones over TCP."""
    transport = document.get("transport", "tcp")
    parts = [
        str(document["mode"]),
        "with ids" if document["mode"] != "ledger" and document.get("named") else "",
        "secured" if document.get("profile") == "secured" else "",
        "on three brokers" if document.get("brokers", 1) > 1 else "",
        "on postgres" if document.get("database") == "postgres" and document.get("strapis", 1) == 1 else "",
        "with drafts" if document.get("drafts") else "",
        "with take-overs" if document.get("take_overs") else "",
        "" if transport == "tcp" else f"over {transport}",
    ]
    return " ".join(part for part in parts if part)


def _counts(document: Mapping[str, Any]) -> list[tuple[str, int]]:
    rejected = document["rejected"]
    after = [(what, document.get(name, 0)) for name, what in _AFTER if name != "resent" or document["mode"] != "ledger"]
    return [
        # An account of before there were such publishers does not have them.
        *((what, document[name]) for name, what in _BEFORE if name in document),
        ("rejected", sum(rejected.values())),
        *((f"  {reason}", count) for reason, count in sorted(rejected.items())),
        *after,
        *_alike(document),
    ]


def _alike(document: Mapping[str, Any]) -> list[tuple[str, int]]:
    lines = document.get("alike", {}).values()
    return [(what, sum(line[name] for line in lines)) for name, what in _ALIKE] if lines else []


def _run(document: Mapping[str, Any]) -> str:
    machine, mode = document["machine"], document["mode"]
    command = f"python3 -m stack faults --minutes {document['minutes']:g} --seed {document['seed']}"
    named = mode != "ledger" and document.get("named")
    command += "" if mode == "ledger" else f" --mode {mode}"
    transport = document.get("transport", "tcp")
    said = {
        " --ids": named,
        " --secure": document.get("profile") == "secured",
        " --postgres": document.get("database") == "postgres" and document.get("strapis", 1) == 1,
        " --brokers 3 --engines 2 --strapi 2": document.get("brokers", 1) > 1,
        " --drafts": document.get("drafts", False),
        " --take-overs": document.get("take_overs", False),
        f" --transport {transport}": transport != "tcp",
        f" --rate {document['rate']:g}": document["rate"] != 200,
    }
    command += "".join(flag for flag, is_said in said.items() if is_said)
    ways = {"ledger": "our Strapi's ledger", "rest5": "plain REST, with the position in the row"}
    on = [
        ways[mode],
        *(["with movement-ids"] if named else []),
        *(["the secured profile"] if said[" --secure"] else []),
        *(["PostgreSQL"] if document.get("database") == "postgres" else []),
        *(["three brokers, two engines and two Strapis"] if document.get("brokers", 1) > 1 else []),
        *(["Draft & Publish"] if said[" --drafts"] else []),
        *(["take-overs and watchers"] if said[" --take-overs"] else []),
        *([transport] if transport != "tcp" else []),
    ]
    # Of runs that were kept earlier the day is not known.
    dated = f", {machine['date']}" if "date" in machine else ""
    lines = [
        f"## {document['minutes']:g} minutes of faults on {', '.join(on)}",
        "",
        f"`{command}`, {document['rate']:g} messages/s, on {machine['cores']} cores and {machine['memory_mb']:,} MB, "
        f"{machine['system']}, Python {machine['python']}, "
        f"commit {machine['commit']}{dated}. "
        f"**{'Every promise held.' if document['holds'] else 'A promise was broken.'}**",
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
nor among the dead letters. It is *counted twice* where it changed the stock more than once. Three of four publishers
have no movement-id: those send a message once, and where no PUBACK came no one knows whether the broker has it. Those
with ids are the project's own, as the screen's form has them: they keep what they sent until the stock shows it.

Mosquitto says PUBACK before it writes its queue, so a SIGKILL takes it back to its last write. What it then forgets,
or hands out anew although the engine had it, is counted apart, and only with evidence: a proxy hears every message
and every acknowledgement between it and the engine. Movements with an id count once even then, and of those that their
publishers keep none may be forgotten.

With three brokers, two engines share one subscription and the partitions of one group, and two Strapis stand behind one
address, a forwarder of our own, on one PostgreSQL.

A *screen* that takes over is what `opsci-tui` stands on, beside the engine under its client id; `w` tells it to.
*Watchers* are `opsci-bridge watch`.

Where Kafka is made to delete records that were not applied, those are counted apart as well, if the engine said how
many they are. What a foreign member of the consumer group took is applied by `opsci-bridge replay --missing`.

Plain REST keeps no ledger: there *applied* is what Kafka holds without a dead letter, and the stock has to show exactly
that, product by product. It knows no movement-ids: with `--ids` a movement that its publisher sent twice, as the
first one had no PUBACK, counts twice, and is counted apart. One engine works alone there.

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
