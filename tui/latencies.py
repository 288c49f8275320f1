"""How long each hop took over the last minute, as a small table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.content import Content

from bridge.journal import Hop
from tui.figures import count, duration
from tui.language import say
from tui.verdicts import STYLES, Tone

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.journal import LatencyHistogram

__all__ = ["latency_table"]

HOPS: Final = {
    Hop.INGEST: say("in MQTT → in Kafka"),
    Hop.KAFKA: say("in Kafka → consumed"),
    Hop.APPLY: say("consumed → in Strapi"),
    Hop.TOTAL: say("from end to end"),
}
"""What each hop is called, in the order of the way."""


def latency_table(histograms: Mapping[Hop, LatencyHistogram]) -> Content:
    """Write median, 99th percentile and maximum of each hop, and how many movements they are of."""
    hop_title, measured = say("hop"), say("measured")
    heading = f"{hop_title:22}{'p50':>9}{'p99':>9}{'max':>9}{measured:>11}"
    lines = [Content.styled(heading, STYLES[Tone.HEADING])]
    for hop, name in HOPS.items():
        found = histograms[hop].summary()
        figures = (found.p50, found.p99, found.maximum) if found.measured else (None, None, None)
        said = "".join(f"{duration(seconds):>9}" for seconds in figures)
        lines.append(Content.assemble(f"{name:22}{said}", (f"{count(found.measured):>11}", STYLES[Tone.MUTED])))
    lines += [
        Content(""),
        Content.styled(say("of the last minute; a hop that has not ended is not among them"), "italic"),
    ]
    return Content("\n").join(lines)
