"""The window in which a preset is chosen, by its name or with the arrow keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from bridge.settings import Preset
from bridge.text import readable
from tui.actions import bindings
from tui.format import folded, signed
from tui.language import say
from tui.outcome import STYLES, Tone
from tui.widgets.footer import KeysFooter, TranslatedKeys
from tui.widgets.inputs import PrintableInput
from tui.widgets.suggestions import MarkedList

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events
    from textual.app import ComposeResult

    from bridge.journal import StockTable

__all__ = ["PresetScreen", "how_to_make_one", "matching", "preset_line"]


def matching(typed: str, presets: Sequence[Preset], board: StockTable) -> list[Preset]:
    """Return the presets that contain all typed words in their name, product, the product's name or amount."""
    words = folded(typed).split()
    return [preset for preset in presets if all(word in _text(preset, board) for word in words)]


def preset_line(preset: Preset, board: StockTable, width: int) -> Content:
    """Format a preset's name, amount and product on one line of a width in cells."""
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
    """Explain what to write into the settings file."""
    lines = '[screen]\npresets = [\n  { name = "a box of gloves", product = "12", amount = 20 },\n]'
    return Content.assemble(
        say("There is no preset yet. These lines in the settings file make one:"),
        "\n\n",
        (lines, STYLES[Tone.PENDING]),
        "\n\n",
        say("Without a product it moves the rows that are selected or marked. A negative amount takes out."),
    )


def _product(preset: Preset, board: StockTable) -> str:
    if not preset.product:
        return say("the selected or marked rows")
    found = board.find(preset.product)
    return readable(f"{preset.product} {found.name}" if found else preset.product)


def _text(preset: Preset, board: StockTable) -> str:
    return folded(f"{preset.name} {_product(preset, board)} {preset.amount:+d}")


class PresetList(MarkedList):
    """A list of presets, one of them highlighted.

    Args:
        presets: all presets.
        board: the products that they name.
    """

    def __init__(self, presets: Sequence[Preset], board: StockTable) -> None:
        super().__init__("presets")
        self._presets = presets
        self._board = board
        self._found = list(presets)

    @property
    def marked(self) -> Preset | None:
        """The preset that Enter takes."""
        return self._found[self.highlighted or 0] if self._found else None

    def find(self, typed: str) -> None:
        """Show only the presets that match the typed text."""
        self._found = matching(typed, self._presets, self._board)
        self.show()

    def on_mount(self) -> None:
        """Be ready for the next key before the size is known."""
        self.show()

    def on_resize(self, event: events.Resize) -> None:
        """Lay out for the new size."""
        self.show(self.highlighted or 0)

    def show(self, highlighted: int = 0) -> None:
        """Show the presets found."""
        width = max(30, self.scrollable_content_region.width - 2)
        self.offer([preset_line(preset, self._board, width) for preset in self._found], highlighted)
        if not self._found:
            self.add_option(Option(say("no preset has all of these words"), disabled=True))


class PresetScreen(ModalScreen[Preset | None], TranslatedKeys[Preset | None]):
    """A window that returns the chosen preset, or None.

    Args:
        presets: those of the settings.
        board: the products that they name.
    """

    BINDINGS = bindings("presets")

    def __init__(self, presets: Sequence[Preset], board: StockTable) -> None:
        super().__init__()
        self._presets = presets
        self._board = board

    def compose(self) -> ComposeResult:
        with Vertical(classes="window") as box:
            box.border_title = Content(say("Presets"))
            if self._presets:
                yield PrintableInput(placeholder=say("type to find one"), compact=True, id="preset-typed")
                yield PresetList(self._presets, self._board)
            else:
                yield Static(how_to_make_one(), markup=False)
        yield KeysFooter()

    @property
    def list(self) -> PresetList:
        return self.query_one(PresetList)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Search while typing."""
        self.list.find(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take the highlighted preset."""
        event.stop()
        self.action_take()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Ignore the first click, which only highlights; a second one chooses."""
        event.stop()

    def on_click(self, event: events.Click) -> None:
        """Take the preset on a double click."""
        if isinstance(event.widget, PresetList) and event.chain > 1:
            self.action_take()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Disable `take` if there are no presets."""
        return bool(self._presets) or action != "take"

    def action_move(self, rows: int) -> None:
        """Move the highlight."""
        if self._presets:
            self.list.move(rows)

    def action_take(self) -> None:
        """Close with the highlighted preset."""
        if self._presets and self.list.marked is not None:
            self.dismiss(self.list.marked)

    def action_leave(self) -> None:
        """Close without a preset."""
        self.dismiss(None)
