"""Fixtures of the chain tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chain.applying import Shop
from tests.chain.clients import install_clients
from tests.chain.lane import Lane

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from stack.local import LocalStack


@pytest.fixture
async def lane(stack: LocalStack) -> Lane:
    made = Lane(stack)
    await made.make_topics()
    return made


@pytest.fixture(scope="session")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of third-party client programs: tests/clients."""
    return install_clients(tmp_path_factory.mktemp("clients"))


@pytest.fixture
async def shop(stack: LocalStack) -> AsyncIterator[Shop]:
    shop = Shop(stack.addresses.strapi, stack.bridge_token)
    async with shop.http:
        yield shop
