"""What is said of presets: one line each, and how to make one. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from bridge.text import readable
from tui.figures import signed
from tui.language import say
from tui.verdicts import STYLES, Tone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.journal import StockBoard
    from bridge.settings import Preset

__all__ = ["how_to_make_one", "matching", "preset_line"]


def matching(typed: str, presets: Sequence[Preset], board: StockBoard) -> list[Preset]:
    """The presets that all typed words stand in: in the name, the product, its name or the amount."""
    words = typed.casefold().split()
    return [preset for preset in presets if all(word in _text(preset, board) for word in words)]


def preset_line(preset: Preset, board: StockBoard, width: int) -> Content:
    """Name a preset, its amount and its product on one line of so many cells."""
    named = Content.styled(readable(preset.name), STYLES[Tone.STRONG])
    amount = Content.styled(f"{signed(preset.amount):>8}", STYLES[Tone.IN if preset.amount > 0 else Tone.OUT])
    return Content.assemble(
        named.truncate(max(8, width // 2 - 9), ellipsis=True, pad=True),
        " ",
        amount,
        "  ",
        (_product(preset, board), STYLES[Tone.MUTED]),
    ).truncate(width, ellipsis=True, pad=True)


def how_to_make_one() -> Content:
    """Say what to write into the settings file."""
    lines = '[screen]\npresets = [\n  { name = "a box of gloves", product = "12", amount = 20 },\n]'
    return Content.assemble(
        say("There is no preset yet. These lines in the settings file make one:"),
        "\n\n",
        (lines, STYLES[Tone.PENDING]),
        "\n\n",
        say("Without a product it moves the rows that are selected or marked. A negative amount takes out."),
    )


def _product(preset: Preset, board: StockBoard) -> str:
    if not preset.product:
        return say("the selected or marked rows")
    found = board.find(preset.product)
    return readable(f"{preset.product} {found.name}" if found else preset.product)


def _text(preset: Preset, board: StockBoard) -> str:
    return f"{preset.name} {_product(preset, board)} {preset.amount:+d}".casefold()
