"""The tour for the snapshots, one for each mark: after some movements, and with each window open."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui.recording.tour import Player


async def tour(t: Player) -> None:
    """Play the tour."""
    await t.wait_for("Strapi ●")
    await t.press("3")
    await t.wait_for("ESP32")
    await t.press("1")
    t.objects(6, every=0.5)
    await t.pause(6)
    await t.press("4")
    await t.type("5")
    await t.press("enter")
    await t.type("-5000")
    await t.press("enter")
    await t.all_done()
    await t.wait_decided()
    await t.pause(1)
    await t.press("escape", "1", "up")
    await t.pause(1)
    await t.mark(en="main", fr="main")
    await t.press("enter")
    await t.pause(1)
    await t.mark(en="record", fr="record")
    await t.press("escape", "d")
    await t.pause(1)
    await t.mark(en="letters", fr="letters")
    await t.press("escape", "question_mark")
    await t.pause(1)
    await t.mark(en="help", fr="help")
    await t.press("escape", "l")
    await t.pause(1)
    await t.mark(en="charts", fr="charts")
    await t.press("escape", "3", "plus")
    await t.type("12")
    await t.pause(1)
    await t.mark(en="amount", fr="amount")
    await t.press("escape", "z")
    await t.pause(1)
    await t.mark(en="zoomed", fr="zoomed")
