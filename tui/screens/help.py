"""The window that lists every key and symbol, and the filter syntax."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from bridge.journal import Elsewhere, Verdict
from tui.actions import ACTIONS, HELP, KEY_SIGNS, bindings, given_keys
from tui.language import msgid, say
from tui.outcome import EARLIER, ELSEWHERE, GLYPHS, VERDICTS, WAITS
from tui.widgets.footer import KeysFooter, TranslatedKeys

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from textual.app import ComposeResult

    from tui.actions import Action

__all__ = ["HelpScreen"]

VERDICT_MEANINGS: Final = {
    Verdict.APPLIED: msgid("the stock was changed, once"),
    Verdict.REJECTED: msgid("it can't be applied; the reason is beside it and it is in the errors topic"),
    Verdict.DUPLICATE: msgid("the same movement came again and was not counted again"),
    Verdict.CARRIED: msgid("a record of a route that changes no stock"),
}

FILTERS: Final = (
    ("towels hall", msgid('the record\'s text has both words; "plastic towels" keeps the space')),
    ("re:p3@12$", msgid('a regular expression; re:"with space"')),
    ("!towels", msgid("the opposite, before any term")),
    ("product:tow product=12", msgid("a field has it, or is it: topic key product payload type verdict id")),
    ("type:out", msgid("or type:in")),
    ("verdict:rejected", msgid("or applied, duplicate, pending, insufficient")),
    ("amount>10 amount<-10", msgid("> >= < <= = != of amount, offset, partition, qos; in the stock: id, stock, last")),
)
"""The filter syntax."""


class HelpScreen(ModalScreen[None], TranslatedKeys[None]):
    """The help window.

    Args:
        about: the screen whose keys are listed: a name in `tui.actions.HELP`.
    """

    BINDINGS = bindings("help")

    def __init__(self, about: str) -> None:
        super().__init__()
        self._about = about

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help") as box:
            box.border_title = Content(say("Keys and signs"))
            yield Static(self._text(), markup=False)
        yield KeysFooter()

    def on_screen_resume(self) -> None:
        """Scroll to the top whenever the help is opened."""
        self.query_one("#help", VerticalScroll).scroll_home(animate=False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer the tour in the help of the main screen only."""
        return self._about == "main" if action == "tour" else super().check_action(action, parameters)

    async def action_tour(self) -> None:
        """Close the help and start the guided tour."""
        await self.dismiss()
        await self.app.run_action("app.tour")

    def action_scroll(self, lines: int) -> None:
        self.query_one("#help", VerticalScroll).scroll_relative(y=lines, animate=False)

    def _text(self) -> Content:
        lines: list[Content] = []
        keys: Mapping[str, str] = getattr(self.app, "keys", {})
        for heading, scopes in (*HELP[self._about], (msgid("On every screen"), ("app",))):
            actions = [given_keys(action, keys) for scope in scopes for action in ACTIONS[scope] if action.keys]
            lines += [Content.styled(say(heading), "bold $text-primary"), *map(_line, actions), Content("")]
        lines.append(Content.styled(say("Filters, after /"), "bold $text-primary"))
        lines += [Content.assemble((f"  {term:24}", "bold"), say(meaning)) for term, meaning in FILTERS]
        lines += [Content(""), Content.styled(say("Signs"), "bold $text-primary")]
        lines += [Content.assemble((f"  {sign:18}", "bold"), meaning) for sign, meaning in _signs()]
        return Content("\n").join(lines)


def _signs() -> Iterator[tuple[str, str]]:
    """Yield the symbols of movements in the panes with their meanings."""
    for verdict, meaning in VERDICT_MEANINGS.items():
        yield f"{GLYPHS[verdict]} {say(VERDICTS[verdict])}", say(meaning)
    elsewhere = ELSEWHERE[Elsewhere.SETTLED]
    yield (
        f"{elsewhere.glyph} {say(elsewhere.words)}",
        say("another engine of the group applied or refused it; without a ledger no more is known"),
    )
    yield f"{WAITS} " + say("waits"), say("nothing is decided yet")
    yield f"{EARLIER} " + say("earlier"), say("read back from Kafka at the start, and counted in no figure")


def _line(action: Action) -> Content:
    keys = " ".join(say(KEY_SIGNS.get(key, key)) for key in action.keys.split(","))
    return Content.assemble((f"  {keys:18}", "bold"), say(action.help or action.title))
