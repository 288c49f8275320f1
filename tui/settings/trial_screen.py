"""The window in which changed settings are tried before they are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from bridge.text import readable
from tui.footer import KeysFooter
from tui.language import say
from tui.settings.trial import Trial

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult

    from bridge.journal import Server
    from bridge.settings import Settings

__all__ = ["TrialScreen"]

_LOOKS = 10
"""How often a second the window looks for what was found."""


class TrialScreen(ModalScreen[bool]):
    """Tries, and closes with True if all is well; else asks. True keeps the settings.

    Args:
        settings: to try.
        servers: the servers that the changes are about.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("k", "keep", say("Keep anyway"), id="trial.keep", tooltip=say("Keep the settings as they are")),
        Binding(
            "escape,b,q", "back", say("Go back"), key_display="esc", id="trial.back", tooltip=say("Keep nothing yet")
        ),
    ]

    def __init__(self, settings: Settings, servers: Sequence[Server]) -> None:
        super().__init__()
        self._trial = Trial(settings, servers)
        self._servers = servers

    def compose(self) -> ComposeResult:
        """What was found so far, and what can be done."""
        with Vertical(classes="window", id="trial") as box:
            box.border_title = Content(say("Trying the settings"))
            with VerticalScroll(id="trial-findings"):
                yield Static(id="trial-text", markup=False)
        yield KeysFooter(show_command_palette=False)

    def on_mount(self) -> None:
        """Begin."""
        self._trial.start()
        self.pull()
        self.set_interval(1 / _LOOKS, self.pull)

    def on_unmount(self) -> None:
        """Nobody looks any more."""
        self._trial.cancel()

    def pull(self) -> None:
        """Show what was found since the last look; with all well there is nothing to ask."""
        trial = self._trial
        if not self.is_current:
            return
        if trial.all_well:
            self.dismiss(True)
            return
        lines = [
            Content.assemble(
                (f"{'✓' if finding.ok else '✗'} ", "$text-success" if finding.ok else "$text-error"),
                (f"{finding.server.value:7} ", "bold"),
                readable(say(finding.what)),
                (f"\n          → {readable(say(finding.advice))}" if finding.advice else "", "$text-warning"),
            )
            for finding in list(trial.findings)
        ]
        if trial.ended:
            ask = say("Something is not as it must be. k keeps the settings anyway, Esc goes back to them.")
            lines += [Content(""), Content.styled(ask, "bold")]
        else:
            names = ", ".join(server.value for server in self._servers)
            text = say("… trying {names}; Esc goes back").format(names=names)
            lines.append(Content.styled(text, "$foreground-muted"))
        self.query_one("#trial-text", Static).update(Content("\n").join(lines))
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is nothing to keep anyway before all was tried."""
        if action == "keep" and not self._trial.ended:
            return False
        return super().check_action(action, parameters)

    def action_keep(self) -> None:
        """Keep them as they are."""
        self.dismiss(True)

    def action_back(self) -> None:
        """Keep nothing yet."""
        self.dismiss(False)
