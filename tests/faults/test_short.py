"""A minute of faults on the real servers: nothing lost, nothing counted twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stack.local import LocalStack
from stack.ports import random_ports
from tests.faults.plan import short
from tests.faults.results import show
from tests.faults.run import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SEED = 1


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[LocalStack]:
    """Servers of this test's own: it reads whole topics, and kills."""
    with LocalStack(tmp_path / "state", ports=random_ports(), servers=("mosquitto", "kafka", "strapi")) as stack:
        yield stack


@pytest.mark.timeout(300)
@pytest.mark.parametrize("transport", ["tcp", "websockets"])
async def test_a_minute_of_faults_loses_nothing_and_counts_nothing_twice(servers: LocalStack, transport: str) -> None:
    said: list[str] = []
    outcome = await run(servers, short(), said.append, seed=SEED, minutes=3, rate=120, transport=transport)
    document = outcome.as_json()
    assert outcome.holds, "\n".join([*said, show(document)])
    assert len(document["faults"]) == len(short())
    assert document["rejected"].keys() > {"not-json", "unknown-product", "insufficient-stock"}
    assert document["applied"] > 1000
    assert document["acknowledged"] <= document["published"]
    assert document["published"] == document["applied"] + sum(document["rejected"].values()) + sum(
        document[name] for name in ("lost", "forgotten", "unconfirmed")
    )
