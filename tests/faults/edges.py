"""Guarantees at the edges of the chain, where servers are foreign or have lost data: what holds, what is reported.

Each row names the test on real servers that checks it.
"""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["EDGES", "Edge", "edges_table"]


class Edge(NamedTuple):
    """One edge case.

    Attributes:
        what: what happens.
        guaranteed: what holds all the same; empty for nothing.
        reported: what is only reported.
        test: the file that checks it, from the top of the repository.
    """

    what: str
    guaranteed: str
    reported: str
    test: str


EDGES: Final = (
    Edge(
        "another Kafka cluster behind a known address",
        "nothing is written to it, read of it or committed there; the engine waits and goes on once its own is back",
        "which cluster answers and how to move on purpose (`kafka.accept_new`)",
        "tests/chain/test_foreign_servers.py",
    ),
    Edge(
        "another Strapi behind a known address",
        "its token is refused, and nothing is applied; a copy with the same token is not told apart",
        "that the token is not known there",
        "tests/chain/test_foreign_servers.py",
    ),
    Edge(
        "something else on a server's port",
        "the runner starts nothing beside it and says which program answers there",
        "",
        "tests/stack/test_listener.py",
    ),
    Edge(
        "a member of the group that speaks another protocol",
        "the engine leaves it in peace between two tries, which grow apart",
        "its client id, its host, and what to do",
        "tests/chain/test_foreign_members.py",
    ),
    Edge(
        "transactions of other programs",
        "what was taken back never counts, what was committed counts once",
        "how many offsets an open one holds back",
        "tests/chain/test_transactions.py",
    ),
    Edge(
        "records that Kafka deleted unread, positions it lost, topics made again",
        "what Kafka still has is applied once",
        "how many are missing, or that it is unknown how many; `replay` is offered",
        "tests/chain/test_lost_positions.py",
    ),
    Edge(
        "a clock that is off",
        "our own topics go by Kafka's clock, so that retention takes nothing early",
        "by how much it is off, for topics that go by their writer's clock",
        "tests/chain/test_record_time.py",
    ),
    Edge(
        "a record that Kafka refuses for good",
        "it alone becomes a dead letter; where that is refused too, ingest waits and the broker keeps the rest",
        "why, and what to do",
        "tests/chain/test_refused_writes.py",
    ),
    Edge(
        "a broker that advertises a name which does not lead to it",
        "nothing is lost: the engine waits",
        "which broker, which name, and what `advertised.listeners` should be",
        "tests/chain/test_reach.py",
    ),
    Edge(
        "a broker that lost the session, or ended it",
        "what comes from the new subscription on",
        "from when until when messages may be lost, unknown how many; movements of ours are sent again by themselves",
        "tests/chain/test_lost_session.py",
    ),
    Edge(
        "QoS 0, sent or granted",
        "our Mosquitto keeps it for an engine that is away; nothing else is promised",
        "which filter the broker grants at QoS 0 only",
        "tests/chain/test_broker_defaults.py",
    ),
    Edge(
        "damaged files of the state folder",
        "every server starts; the damaged file is moved aside, never deleted",
        "what is lost with each: [DAMAGED.md](DAMAGED.md)",
        "tests/stack/test_damaged_files.py",
    ),
    Edge(
        "Draft & Publish, locales, edits in the panel, with our ledger",
        "all rows of a product keep the same stock, and any of its ids names it",
        "",
        "tests/chain/test_drafts.py",
    ),
    Edge(
        "Draft & Publish, locales, edits in the panel, on plain REST",
        "a product is one product; each movement is written to all of its rows",
        "that an edit at the same moment can lose a movement, and that unfinished edits are published",
        "tests/chain/test_drafts.py",
    ),
    Edge(
        "a movement that another engine of the group carries",
        "it counts once",
        "that another engine applied it, with the ledger's verdict where there is one",
        "tests/chain/test_settled_elsewhere.py",
    ),
)


def edges_table() -> str:
    """Return the table as a section of a page."""
    rows = (f"| {edge.what} | {edge.guaranteed or '-'} | {edge.reported or '-'} | `{edge.test}` |" for edge in EDGES)
    return "\n".join(
        (
            "## At the edges: what is guaranteed, and what is only reported",
            "",
            "Reported is at least a line of the log and a note on the screen, or what the runner prints.",
            "",
            "| where | guaranteed | reported | held by |",
            "|---|---|---|---|",
            *rows,
            "",
        )
    )
