"""A minute of faults on the real servers: nothing lost, nothing counted twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stack.local import LocalStack
from stack.ports import random_ports
from tests.chain.drafts import DraftStack
from tests.chain.postgres import psql, running
from tests.faults.plan import short, short_cluster, short_drafts
from tests.faults.results import show
from tests.faults.run import run
from tests.faults.twins import TwinStack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SEED = 1


@pytest.fixture
def servers(tmp_path: Path, profile: str) -> Iterator[LocalStack]:
    """Separate servers for this test: it reads whole topics, and kills servers."""
    names = ("mosquitto", "kafka", "strapi")
    with LocalStack(tmp_path / "state", ports=random_ports(), servers=names, secure=profile == "secured") as stack:
        yield stack


# paho leaves the socket of a handshake that failed, over TLS or websockets, to the collector.
@pytest.mark.filterwarnings("ignore:unclosed <:ResourceWarning")
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("profile", "transport"), [("plain", "tcp"), ("secured", "websockets")])
async def test_a_minute_of_faults_loses_nothing_and_counts_nothing_twice(
    servers: LocalStack, profile: str, transport: str
) -> None:
    said: list[str] = []
    outcome = await run(servers, short(), said.append, seed=SEED, minutes=30, rate=120, transport=transport)
    document = outcome.as_json()
    assert outcome.profile == profile
    assert outcome.holds, "\n".join([*said, show(document)])
    assert len(document["faults"]) == len(short())
    told = [fault["text"] for fault in document["faults"] if "a screen takes over" in fault["text"]]
    assert len(told) == 2
    assert not any("broke off" in text for text in told)
    assert document["rejected"].keys() > {"not-json", "unknown-product", "insufficient-stock"}
    assert document["applied"] > 1000
    assert document["taken_back"] > 0
    assert document["acknowledged"] <= document["published"]
    assert document["published"] == document["applied"] + sum(document["rejected"].values()) + sum(
        document[name] for name in ("lost", "forgotten", "told", "unconfirmed", "taken_back", "deleted")
    )


@pytest.mark.filterwarnings("ignore:unclosed <:ResourceWarning")
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("mode", ["ledger", "rest5"])
async def test_with_drafts_that_someone_edits_nothing_is_lost_and_both_rows_are_alike(
    tmp_path: Path, mode: str
) -> None:
    said: list[str] = []
    plan = short_drafts(alone=mode != "ledger")
    with DraftStack(tmp_path / "state", ("mosquitto", "kafka", "strapi"), ledger=mode == "ledger") as servers:
        outcome = await run(servers, plan, said.append, seed=SEED, minutes=30, rate=100, mode=mode)
    document = outcome.as_json()
    assert outcome.drafts
    assert outcome.holds, "\n".join([*said, show(document)])
    assert len(document["faults"]) == len(plan)
    assert document["edits"] >= 2
    assert document["applied"] > 1000
    assert document["rejected"] == {}


@pytest.mark.filterwarnings("ignore:unclosed <:ResourceWarning")
@pytest.mark.timeout(1800)
async def test_three_brokers_two_engines_and_two_strapis_lose_nothing_and_count_nothing_twice(tmp_path: Path) -> None:
    said: list[str] = []
    plan = short_cluster()
    with (
        running() as server,
        psql(server) as client,
        TwinStack(tmp_path / "state", server, ("mosquitto", "kafka", "strapi"), brokers=3) as servers,
    ):
        outcome = await run(servers, plan, said.append, seed=SEED, minutes=30, rate=80, database=client, engines=2)
    document = outcome.as_json()
    assert (document["brokers"], document["engines"], document["strapis"]) == (3, 2, 2)
    assert outcome.holds, "\n".join([*said, show(document)])
    assert len(document["faults"]) == len(plan)
    assert document["applied"] > 1000
    assert document["in_kafka"] > 1000
