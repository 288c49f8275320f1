"""The window in which a preset is chosen, by its name or with the arrow keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from bridge.settings import Preset
from bridge.settings.model import LONGEST_NAME
from bridge.text import readable
from tui.actions import bindings, key_of
from tui.format import folded, signed
from tui.language import say
from tui.outcome import STYLES, Tone
from tui.widgets.footer import KeysFooter, TranslatedKeys
from tui.widgets.inputs import PrintableInput
from tui.widgets.suggestions import MarkedList

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual import events
    from textual.app import ComposeResult

    from bridge.journal import StockTable
    from bridge.movement import Movement

__all__ = ["PresetScreen", "as_preset", "how_to_make_one", "is_known", "matching", "preset_line"]


def is_known(movement: Movement, presets: Sequence[Preset]) -> bool:
    """Whether a preset sends the same."""
    return any(one.product == movement.product and one.amount == movement.delta for one in presets)


def as_preset(movement: Movement, name: str, presets: Sequence[Preset]) -> Preset:
    """Make a preset that sends what was sent.

    Args:
        movement: what was sent.
        name: its product's name, empty where it is not known.
        presets: those that exist; the new one's name is none of theirs.
    """
    amount = signed(movement.delta)
    taken = {preset.name for preset in presets}
    number = 1
    while True:
        end = f" {amount}" if number == 1 else f" {amount} ({number})"
        called = readable(name or movement.product)[: LONGEST_NAME - len(end)].strip() + end
        if called not in taken:
            return Preset(called, movement.delta, movement.product)
        number += 1


def matching(typed: str, presets: Sequence[Preset], board: StockTable) -> list[Preset]:
    """Return the presets that contain all typed words in their name, product, the product's name or amount."""
    words = folded(typed).split()
    return [preset for preset in presets if all(word in _text(preset, board) for word in words)]


def preset_line(preset: Preset, board: StockTable, width: int, *, sent: bool = False) -> Content:
    """Format a preset's name, amount and product on one line.

    Args:
        preset: the preset.
        board: the products.
        width: the available cells.
        sent: whether it is none yet, but a movement that was sent.
    """
    named = Content.styled(readable(preset.name), STYLES[Tone.STRONG])
    if sent:
        named = Content.styled(say("sent: {name}").format(name=readable(preset.name)), STYLES[Tone.MUTED])
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
        say("There is no preset yet. Send a movement, then {here} here or {anywhere} makes it one.").format(
            here=key_of("preset.save"), anywhere=key_of("preset.save_last")
        ),
        "\n",
        say("These lines in the settings file make one too:"),
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
        sent: movements that were sent and could become presets; they follow.
    """

    def __init__(self, presets: Sequence[Preset], board: StockTable, sent: Sequence[Preset] = ()) -> None:
        super().__init__("presets")
        self._presets = [*presets, *sent]
        self._sent = list(sent)
        self._board = board
        self._found = list(self._presets)

    @property
    def marked(self) -> Preset | None:
        """The preset that Enter takes."""
        return self._found[self.highlighted or 0] if self._found else None

    @property
    def marked_sent(self) -> Preset | None:
        """The marked one, if it is no preset yet."""
        marked = self.marked
        return marked if marked in self._sent else None

    def note_saved(self, preset: Preset) -> None:
        """Show as a preset what was a movement sent."""
        self._sent.remove(preset)
        self.show(self.highlighted or 0)

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
        lines = [preset_line(one, self._board, width, sent=one in self._sent) for one in self._found]
        self.offer(lines, highlighted)
        if not self._found:
            self.add_option(Option(say("no preset has all of these words"), disabled=True))


class PresetScreen(ModalScreen[Preset | None], TranslatedKeys[Preset | None]):
    """A window that returns the chosen preset, or None.

    Args:
        presets: those of the settings.
        board: the products that they name.
        sent: movements that were sent, as the presets that they would be.
        save: saves one of them as a preset, and returns whether it did.
    """

    BINDINGS = bindings("presets")

    def __init__(
        self,
        presets: Sequence[Preset],
        board: StockTable,
        sent: Sequence[Preset] = (),
        save: Callable[[Preset], bool] = lambda preset: False,
    ) -> None:
        super().__init__()
        self._presets = [*presets, *sent]
        self._sent = sent
        self._saved = presets
        self._save = save
        self._board = board

    def compose(self) -> ComposeResult:
        with Vertical(classes="window") as box:
            box.border_title = Content(say("Presets"))
            if self._presets:
                yield PrintableInput(placeholder=say("type to find one"), compact=True, id="preset-typed")
                yield PresetList(self._saved, self._board, self._sent)
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
        """Disable `take` if there are no presets, and `save` for what is one already."""
        if action == "save":
            return bool(self._presets) and self.is_mounted and self.list.marked_sent is not None
        return bool(self._presets) or action != "take"

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Offer to save what is no preset yet."""
        self.refresh_bindings()

    def action_save(self) -> None:
        """Save the marked movement as a preset."""
        preset = self.list.marked_sent
        if preset is not None and self._save(preset):
            self.list.note_saved(preset)
            self.refresh_bindings()

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
