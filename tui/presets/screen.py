"""The window in which one of the presets is chosen, by its name or by the arrows."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from bridge.settings import Preset
from tui.footer import KeysFooter
from tui.language import say
from tui.presets.lines import how_to_make_one, matching, preset_line
from tui.printable_input import PrintableInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events
    from textual.app import ComposeResult

    from bridge.journal import StockBoard

__all__ = ["PresetScreen"]

SHOWN: Final = 8
"""How many presets stand in the window at once."""


class PresetList(Static):
    """Some presets, one of them marked.

    Args:
        presets: all of them.
        board: the products that they name.
    """

    def __init__(self, presets: Sequence[Preset], board: StockBoard) -> None:
        super().__init__(id="presets", markup=False)
        self._presets = presets
        self._board = board
        self._found = list(presets)
        self._marked = 0

    @property
    def marked(self) -> Preset | None:
        """The one that Enter takes."""
        return self._found[self._marked] if self._found else None

    @property
    def _top(self) -> int:
        return max(0, min(self._marked - SHOWN // 2, len(self._found) - SHOWN))

    def find(self, typed: str) -> None:
        """Show only those that were typed."""
        self._found = matching(typed, self._presets, self._board)
        self._marked = 0
        self.show()

    def move(self, rows: int) -> None:
        """Move the mark, around the ends."""
        if self._found:
            self._marked = (self._marked + rows) % len(self._found)
            self.show()

    def mark_at(self, y: int) -> Preset | None:
        """Mark the one in a line of the list; None where there is none."""
        place = self._top + y
        if not 0 <= y < SHOWN or place >= len(self._found):
            return None
        self._marked = place
        self.show()
        return self.marked

    def show(self) -> None:
        """Draw them."""
        if not self._presets:
            self.update(how_to_make_one())
            return
        lines = []
        width = max(30, self.size.width - 2)
        for place in range(self._top, min(len(self._found), self._top + SHOWN)):
            line = preset_line(self._found[place], self._board, width)
            here = place == self._marked
            line = Content.assemble("▸ " if here else "  ", line)
            lines.append(line.stylize("$block-cursor-foreground on $block-cursor-background") if here else line)
        self.update(Content("\n").join(lines) if lines else Content(say("no preset has all of these words")))


class PresetScreen(ModalScreen[Preset | None]):
    """Gives the preset that was chosen, or None.

    Args:
        presets: those of the settings.
        board: the products that they name.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "take", say("Choose"), id="preset.take", tooltip=say("Show what it would send")),
        Binding("escape", "leave", say("Leave"), id="preset.leave", tooltip=say("Send nothing")),
        Binding("up", "move(-1)", say("Up"), show=False, id="preset.up", tooltip=say("Mark the preset above")),
        Binding("down", "move(1)", say("Down"), show=False, id="preset.down", tooltip=say("Mark the preset below")),
    ]

    def __init__(self, presets: Sequence[Preset], board: StockBoard) -> None:
        super().__init__()
        self._presets = presets
        self._board = board

    def compose(self) -> ComposeResult:
        """What is typed, and those that have it."""
        with Vertical(classes="window") as box:
            box.border_title = Content(say("Presets"))
            if self._presets:
                yield PrintableInput(placeholder=say("type to find one"), compact=True, id="preset-typed")
            yield PresetList(self._presets, self._board)
        yield KeysFooter(show_command_palette=False)

    def on_mount(self) -> None:
        """Draw them once it is known how wide they stand."""
        self.call_after_refresh(self.list.show)

    @property
    def list(self) -> PresetList:
        """Those that are found."""
        return self.query_one(PresetList)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Find them as one types."""
        self.list.find(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Choose."""
        event.stop()
        self.action_take()

    def on_click(self, event: events.Click) -> None:
        """Mark the one under the mouse; a second click chooses it."""
        if event.widget is self.list and self.list.mark_at(event.y) and event.chain > 1:
            self.action_take()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is nothing to choose among none."""
        return bool(self._presets) or action != "take"

    def action_move(self, rows: int) -> None:
        """Move the mark."""
        self.list.move(rows)

    def action_take(self) -> None:
        """Give the marked one."""
        if self.list.marked is not None:
            self.dismiss(self.list.marked)

    def action_leave(self) -> None:
        """Give nothing."""
        self.dismiss(None)
