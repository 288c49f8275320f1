"""What the chain tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chain.lane import Lane

if TYPE_CHECKING:
    from stack.local import LocalStack


@pytest.fixture
async def lane(stack: LocalStack) -> Lane:
    made = Lane(stack)
    await made.make_topics()
    return made
