"""The window that shows the latency of each hop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from bridge.journal import Hop
from tui.actions import bindings
from tui.format import count, duration
from tui.language import msgid, say
from tui.outcome import STYLES, Tone
from tui.widgets.footer import KeysFooter, TranslatedKeys

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.app import ComposeResult

    from bridge.journal import Journal, LatencyHistogram

__all__ = ["LatencyScreen", "latency_table"]


HOPS: Final = {
    Hop.INGEST: msgid("in MQTT → in Kafka"),
    Hop.KAFKA: msgid("in Kafka → consumed"),
    Hop.APPLY: msgid("consumed → in Strapi"),
    Hop.TOTAL: msgid("from end to end"),
}
"""The name of each hop in English, in the order of a movement's path."""


def latency_table(histograms: Mapping[Hop, LatencyHistogram]) -> Content:
    """Write median, 99th percentile and maximum of each hop, and the number of measurements."""
    hop_title, measured = say("hop"), say("measured")
    heading = f"{hop_title:22}{'p50':>9}{'p99':>9}{'max':>9}{measured:>11}"
    lines = [Content.styled(heading, STYLES[Tone.HEADING])]
    for hop, name in HOPS.items():
        found = histograms[hop].summary()
        figures = (found.p50, found.p99, found.maximum) if found.measured else (None, None, None)
        said = "".join(f"{duration(seconds):>9}" for seconds in figures)
        lines.append(Content.assemble(f"{say(name):22}{said}", (f"{count(found.measured):>11}", STYLES[Tone.MUTED])))
    lines += [
        Content(""),
        Content.styled(say("of the last minute; a hop that has not ended is not among them"), "italic"),
    ]
    return Content("\n").join(lines)


class LatencyScreen(ModalScreen[None], TranslatedKeys[None]):
    """Latency of each hop over the last minute, kept up to date.

    Args:
        journal: has the measurements.
    """

    BINDINGS = bindings("latency")

    def __init__(self, journal: Journal) -> None:
        super().__init__()
        self._journal = journal

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="latency") as box:
            box.border_title = Content(say("Latency"))
            yield Static(id="latency-table", markup=False)
        yield KeysFooter()

    def on_mount(self) -> None:
        """Show the table, and refresh it every second."""
        self.pull()
        self.set_interval(1, self.pull)

    def pull(self) -> None:
        """Refresh the table."""
        self.query_one("#latency-table", Static).update(latency_table(self._journal.latency))
