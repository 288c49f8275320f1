"""Internal failures: a token revoked, a disk full, a secret open to others. Nothing loops, nothing is lost."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import uuid
from functools import partial
from typing import TYPE_CHECKING

from bridge.journal import Server, State, Verdict
from stack.run_state import RunState
from tests.chain.engine import engine
from tests.chain.lane import until
from tests.chain.secured import make_product, secured, strapi

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    import pytest

    from bridge.chain import Chain
    from bridge.journal import Connection
    from stack.local import LocalStack

_FEW = 12
"""Lines of the log: a loop without a pause writes thousands."""


def _is(states: dict[Server, Connection], server: Server, state: State) -> bool:
    return states[server].state is state


def _applied(chain: Chain, movement_id: str) -> bool:
    journey = chain.journal.journey(movement_id)
    return journey is not None and journey.verdict is Verdict.APPLIED


async def _stock_of(stack: LocalStack, product: dict[str, Any]) -> int:
    async with strapi(stack) as client:
        answer = await client.get(f"/api/products/{product['documentId']}")
    stock: int = answer.json()["data"]["stock_available"]
    return stock


@contextlib.contextmanager
def _full_disk(stack: LocalStack, server: str) -> Iterator[None]:
    """Keep all files of a server from growing, so that its writes fail as on a full disk."""
    pid = RunState.read(stack.paths.record).servers[server].identity.pid
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, before[1]))
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


async def test_a_token_that_is_revoked_and_replaced_while_the_engine_runs(
    secure_stack: LocalStack, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    product = await make_product(secure_stack, 10)
    token = tmp_path / "token"
    token.write_text(secure_stack.bridge_token)
    token.chmod(0o600)
    async with engine(secured(secure_stack, strapi={"token_file": str(token), "refresh": 0.5})) as chain:
        states = chain.journal.connections
        secure_stack.stop_server("strapi")
        # Strapi's token gets the key that stands in this file when it starts.
        secure_stack.paths.bridge_token.write_text(uuid.uuid4().hex * 4)
        await asyncio.to_thread(secure_stack.start_server, "strapi")
        caplog.clear()
        sent = await chain.publish(b'{"id":%d,"amount":3,"type":"OUT"}' % product["id"])
        await until(partial(_is, states, Server.STRAPI, State.REFUSED), 40, "the token is refused")
        assert str(token) in states[Server.STRAPI].advice
        # Other tests may have left movements in the same topic, which were decided before.
        assert not _applied(chain, sent.movement_id)
        await asyncio.sleep(2)
        assert not _applied(chain, sent.movement_id)
        assert len(caplog.records) < _FEW
        token.write_text(secure_stack.bridge_token)
        await until(partial(_applied, chain, sent.movement_id))
        await until(partial(_is, states, Server.STRAPI, State.UP))
    assert await _stock_of(secure_stack, product) == 7


async def test_kafkas_disk_is_full_and_kafka_ends(secure_stack: LocalStack, caplog: pytest.LogCaptureFixture) -> None:
    product = await make_product(secure_stack, 10)
    async with engine(secured(secure_stack)) as chain:
        states = chain.journal.connections
        with _full_disk(secure_stack, "kafka"):
            caplog.clear()
            sent = await chain.publish(b'{"id":%d,"amount":3,"type":"OUT"}' % product["id"])
            await until(partial(_is, states, Server.KAFKA, State.DOWN), 40, "Kafka can't write")
            await until(lambda: not secure_stack.is_alive("kafka"), 40, "Kafka ends, as it has no other disk")
        assert states[Server.KAFKA].advice
        await asyncio.to_thread(secure_stack.start_server, "kafka")
        await until(partial(_applied, chain, sent.movement_id))
    assert await _stock_of(secure_stack, product) == 7


async def test_a_secret_that_lies_open_is_said_until_it_is_closed(
    secure_stack: LocalStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.chain._LOOK_AT_SECRETS", 0.1)
    token = tmp_path / "token"
    token.write_text(secure_stack.bridge_token)
    token.chmod(0o644)
    async with engine(secured(secure_stack, strapi={"token_file": str(token)})) as chain:
        await until(lambda: "secrets" in chain.journal.notes)
        assert f"chmod 600 {token}" in chain.journal.notes["secrets"]
        assert "mqtt.password_file" not in chain.journal.notes["secrets"]
        token.chmod(0o600)
        await until(lambda: "secrets" not in chain.journal.notes)


async def test_a_password_file_that_goes_and_comes_back(secure_stack: LocalStack, tmp_path: Path) -> None:
    password = tmp_path / "password"
    settings = secured(secure_stack, mqtt={"password_file": str(password)}, kafka={"password_file": str(password)})
    async with engine(settings, wait=False) as chain:
        states = chain.journal.connections
        for server in (Server.MQTT, Server.KAFKA):
            await until(partial(_is, states, server, State.REFUSED))
            assert str(password) in states[server].detail
        password.write_text(secure_stack.credentials.password_file("mqtt-engine").read_text())
        await until(partial(_is, states, Server.MQTT, State.UP))
