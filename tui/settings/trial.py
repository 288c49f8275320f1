"""A trial of changed settings on the servers before saving: on its own thread, with a window that polls it."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from bridge.text import readable
from tui.actions import bindings, key_of
from tui.language import say
from tui.widgets.footer import KeysFooter, TranslatedKeys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult

    from bridge.command.check import Finding
    from bridge.journal import Server
    from bridge.settings import Settings

__all__ = ["Trial", "TrialScreen"]

_LOOKS = 10
"""Polls per second."""


class Trial:
    """Tries servers one after the other, without creating or changing anything there.

    Args:
        settings: the settings to try.
        servers: the servers.
    """

    def __init__(self, settings: Settings, servers: Sequence[Server]) -> None:
        self._settings = settings
        self._servers = servers
        self.findings: list[Finding] = []
        """The results so far."""
        self._ended = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        # A daemon thread: a server that never answers must not keep the program from ending.
        self._thread = threading.Thread(target=self._main, name="opsci-trial", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def ended(self) -> bool:
        """Whether everything was tried, or the trial was cancelled."""
        return self._ended.is_set()

    @property
    def all_well(self) -> bool:
        """Whether everything was tried successfully."""
        return self.ended and all(finding.ok for finding in self.findings)

    def cancel(self) -> None:
        """Cancel the trial; what a probe opened is closed."""
        if self._loop is not None and self._task is not None and not self.ended:
            self._loop.call_soon_threadsafe(self._task.cancel)

    def _main(self) -> None:
        try:
            asyncio.run(self._run())
        except asyncio.CancelledError:
            pass
        finally:
            self._ended.set()

    async def _run(self) -> None:
        # Imported here because the client libraries take a good part of a second to import.
        from bridge.command.check import Finding, try_servers  # noqa: PLC0415 - see above

        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        for server in self._servers:
            try:
                async for finding in try_servers(self._settings, [server]):
                    self.findings.append(finding)
            # Any exception of a library is a finding about the settings too.
            except Exception as error:
                self.findings.append(Finding(server, False, readable(f"{type(error).__name__}: {error}")))


class TrialScreen(ModalScreen[bool], TranslatedKeys[bool]):
    """Tries the settings and closes with True if all is well; else asks. True saves the settings.

    Args:
        settings: the settings to try.
        servers: the servers that the changes affect.
    """

    BINDINGS = bindings("trial")

    def __init__(self, settings: Settings, servers: Sequence[Server]) -> None:
        super().__init__()
        self._trial = Trial(settings, servers)
        self._servers = servers

    def compose(self) -> ComposeResult:
        with Vertical(classes="window", id="trial") as box:
            box.border_title = Content(say("Trying the settings"))
            with VerticalScroll(id="trial-findings"):
                yield Static(id="trial-text", markup=False)
        yield KeysFooter()

    def on_mount(self) -> None:
        self._trial.start()
        self.pull()
        self.set_interval(1 / _LOOKS, self.pull)

    def on_unmount(self) -> None:
        """Cancel the trial."""
        self._trial.cancel()

    def pull(self) -> None:
        """Show new results; close if all is well."""
        trial = self._trial
        if not self.is_current:
            return
        if trial.all_well:
            self.dismiss(True)
            return
        lines = [_line(finding) for finding in list(trial.findings)]
        if trial.ended:
            # Above the findings, where it is seen however many there are.
            ask = say("Something is wrong. {keep} keeps the settings anyway, {back} goes back to them.")
            ask = ask.format(keep=key_of("trial.keep"), back=key_of("trial.back"))
            lines = [Content.styled(ask, "bold"), Content(""), *lines]
        else:
            names = ", ".join(server.value for server in self._servers)
            text = say("… trying {names}; {key} goes back").format(names=names, key=key_of("trial.back"))
            lines.append(Content.styled(text, "$foreground-muted"))
        self.query_one("#trial-text", Static).update(Content("\n").join(lines))
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Disable saving until everything was tried."""
        if action == "keep" and not self._trial.ended:
            return False
        return super().check_action(action, parameters)

    def action_keep(self) -> None:
        """Save the settings as they are."""
        self.dismiss(True)

    def action_back(self) -> None:
        self.dismiss(False)


def _line(finding: Finding) -> Content:
    """Show a finding; where something is wrong, what to do first."""
    name = (f"{finding.server.value:7} ", "bold")
    what = readable(say(finding.what))
    if finding.ok:
        return Content.assemble(("✓ ", "$text-success"), name, what)
    if not finding.advice:
        return Content.assemble(("✗ ", "$text-error"), name, what)
    advice = readable(say(finding.advice))
    return Content.assemble(("✗ ", "$text-error"), name, (f"→ {advice}", "bold $text-warning"), f"\n{'':10}{what}")
