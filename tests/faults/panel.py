"""Edits in Strapi's admin panel: products are edited, published and discarded while movements change them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Final

import httpx

from tests.faults.fault import Fault

if TYPE_CHECKING:
    from tests.chain.drafts import Panel
    from tests.faults.world import World

__all__ = ["PanelEdits"]

_READS: Final = 0.1
"""Seconds for which a person has a form open."""

_AGAIN: Final = 0.3


@dataclass(frozen=True)
class PanelEdits(Fault):
    """One product after the other is edited, published, edited without publishing, discarded and reverted.

    With the ledger each form is saved whole, including the stock from when the form was opened. With plain REST such a
    save can't be protected, so there only the name is written.
    """

    @property
    def text(self) -> str:
        return f"products are edited, published and discarded in Strapi's panel, for {self.seconds:.0f} s"

    @property
    def touches(self) -> frozenset[str]:
        return frozenset({"panel"})

    async def strike(self, world: World) -> None:
        panel = world.panel
        if panel is None:
            raise ValueError("Strapi has no panel in this run")
        ends = time.monotonic() + self.seconds
        documents = list(world.documents)
        for number in count(world.edits):
            if time.monotonic() > ends:
                return
            document = documents[number % len(documents)]
            # Strapi may be killed, paused or restarted meanwhile, and a person tries again later.
            with contextlib.suppress(httpx.HTTPError):
                await self._edit(panel, document, f"edit {number}", whole=world.mode == "ledger")
                world.edits += 1
                continue
            await asyncio.sleep(_AGAIN)

    async def _edit(self, panel: Panel, document: str, name: str, *, whole: bool) -> None:
        await panel.log_in()
        form = await panel.open(document)
        await asyncio.sleep(_READS)
        changes = {**form, "name": name} if whole else {"name": name}
        await panel.do("publish", document, changes)
        await panel.save(document, {**changes, "name": f"{name}, unfinished"})
        await panel.do("discard", document)
        if whole:
            # By plain REST a movement that comes at that moment publishes it again, as every PUT does.
            await panel.do("unpublish", document)
            await asyncio.sleep(_READS)
        await panel.do("publish", document)
