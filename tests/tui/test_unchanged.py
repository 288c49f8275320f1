"""Windows in which nothing changes repaint nothing, however often they look for changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

import pytest
from textual.widget import Widget

from tests.tui.kinds import opened

if TYPE_CHECKING:
    from typing import Any


class Pulling(Protocol):
    """A window that looks for changes itself."""

    def pull(self) -> None: ...


@pytest.mark.parametrize("keys", ["d", "3 g enter", "i"], ids=["refused", "product", "servers"])
async def test_a_window_that_looks_for_changes_and_finds_none_repaints_nothing(
    keys: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened("live", (120, 40), "opsci-dark") as pilot:
        await pilot.press(*keys.split())
        repainted: list[str] = []
        refresh = Widget.refresh

        def noted(self: Widget, *regions: Any, **options: Any) -> Widget:
            repainted.append(f"{type(self).__name__}#{self.id}")
            return refresh(self, *regions, **options)

        monkeypatch.setattr(Widget, "refresh", noted)
        window = cast("Pulling", pilot.app.screen)
        found = []
        # An age or a chart may change at the turn of a second, though not each time.
        for _ in range(5):
            repainted.clear()
            window.pull()
            found.append([*repainted])
        assert [] in found
