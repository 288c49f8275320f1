"""The screen's event loop adapts the thread switch interval while it works, and stays mostly idle."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import pytest

from tui.scheduler import Eager, screen_loop

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def patience() -> Iterator[float]:
    before = sys.getswitchinterval()
    yield before
    sys.setswitchinterval(before)


def test_it_is_impatient_while_it_waits_and_keeps_the_lock_while_it_works() -> None:
    said: list[float] = []
    with Eager(said.append) as selector:
        assert selector.select(0) == []
    waits, works = said
    assert waits < 0.005 < works


def test_it_says_so_though_it_is_interrupted() -> None:
    said: list[float] = []
    with pytest.raises(ValueError, match="NaN"), Eager(said.append) as selector:
        selector.select(float("nan"))
    assert len(said) == 2


def test_what_runs_on_its_loop_keeps_the_lock(patience: float) -> None:
    async def working() -> float:
        await asyncio.sleep(0)
        return sys.getswitchinterval()

    with asyncio.Runner(loop_factory=screen_loop) as runner:
        assert runner.run(working()) > patience
