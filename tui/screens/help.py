"""The window that names every key, taken from the bindings themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from bridge.journal import Verdict
from tui.footer import KeysFooter
from tui.language import say
from tui.settings.keys import remapped
from tui.verdicts import VERDICTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from textual.app import ComposeResult

__all__ = ["HelpScreen"]

SIGNS: Final = (
    ("✓ " + VERDICTS[Verdict.APPLIED], say("the stock was changed, once")),
    (
        "✗ " + VERDICTS[Verdict.REJECTED],
        say("it can't be applied; the reason stands beside it and it is in the errors topic"),
    ),
    ("≡ " + VERDICTS[Verdict.DUPLICATE], say("the same movement came again and was not counted again")),
    ("→ " + VERDICTS[Verdict.CARRIED], say("a record of a route that changes no stock")),
    ("… " + say("on its way"), say("nothing is decided yet")),
    ("Q R D", say("MQTT quality of service, retained, delivered before (DUP)")),
)

FILTERS: Final = (
    ("towels hall", say('the record\'s text has both words; "plastic towels" keeps the space')),
    ("re:p3@12$", say('a regular expression; re:"with space"')),
    ("!towels", say("the opposite, before any term")),
    ("product:tow product=12", say("a field has it, or is it: topic key product payload type verdict id")),
    ("type:out", say("or type:in")),
    ("verdict:rejected", say("or applied, duplicate, pending, insufficient")),
    ("amount>10 offset<=99", say("> >= < <= = of amount, offset, partition, qos; in the stock: id, stock, last")),
)
"""How a filter is written."""

SHOWN_AS: Final = {
    "slash": "/",
    "question_mark": "?",
    "plus": "+",
    "minus": "-",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "escape": "Esc",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "enter": "Enter",
    "space": "Space",
    "home": "Home",
    "end": "End",
    "up": "↑",
    "down": "↓",
    "tab": "Tab",
    "shift+tab": "Shift+Tab",
}


class HelpScreen(ModalScreen[None]):
    """Every key and every sign.

    Args:
        sections: a heading and its bindings.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q", "dismiss", say("Close"), key_display="esc", id="help.close"),
        Binding("j", "scroll(1)", say("Down"), show=False, id="help.scroll_down"),
        Binding("k", "scroll(-1)", say("Up"), show=False, id="help.scroll_up"),
    ]

    def __init__(self, sections: Sequence[tuple[str, Iterable[BindingType]]]) -> None:
        super().__init__()
        self._sections = sections

    def compose(self) -> ComposeResult:
        """The keys, in a box that scrolls."""
        with VerticalScroll(id="help") as box:
            box.border_title = Content(say("Keys and signs"))
            yield Static(self._text(), markup=False)
        yield KeysFooter(show_command_palette=False)

    def on_screen_resume(self) -> None:
        """Begin at the top, however far it was read the last time."""
        self.query_one("#help", VerticalScroll).scroll_home(animate=False)

    def action_scroll(self, lines: int) -> None:
        """Scroll by lines."""
        self.query_one("#help", VerticalScroll).scroll_relative(y=lines, animate=False)

    def _text(self) -> Content:
        lines: list[Content] = []
        keys: Mapping[str, str] = getattr(self.app, "keys", {})
        for heading, bindings in (*self._sections, (say("On every screen"), type(self.app).BINDINGS)):
            shown = [_line(remapped(binding, keys)) for binding in _distinct(bindings)]
            lines += [Content.styled(heading, "bold $text-primary"), *shown, Content("")]
        lines.append(Content.styled(say("Filters, after /"), "bold $text-primary"))
        lines += [Content.assemble((f"  {term:24}", "bold"), meaning) for term, meaning in FILTERS]
        lines += [Content(""), Content.styled(say("Signs"), "bold $text-primary")]
        lines += [Content.assemble((f"  {sign:18}", "bold"), meaning) for sign, meaning in SIGNS]
        return Content("\n").join(lines)


def _distinct(bindings: Iterable[BindingType]) -> list[Binding]:
    return [binding for binding in bindings if isinstance(binding, Binding) and binding.description]


def _line(binding: Binding) -> Content:
    keys = " ".join(SHOWN_AS.get(key, key) for key in binding.key.split(","))
    return Content.assemble((f"  {keys:18}", "bold"), binding.tooltip or binding.description)
