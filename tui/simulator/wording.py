"""What is said of simulated objects. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from bridge.text import readable
from tui.figures import count, rate
from tui.language import say

if TYPE_CHECKING:
    from bridge.simulator import Standing

__all__ = ["simulator_line"]


def simulator_line(standing: Standing) -> Content:
    """Say how many objects send how fast, and how to stop them; or why they stopped. Empty where there is nothing."""
    if not standing.running:
        return Content.styled(f"▲ sim: {readable(say(standing.trouble))}" if standing.trouble else "", "$text-warning")
    said = say("sim {objects} obj {rate}, {sent} sent").format(
        objects=count(standing.objects), rate=rate(standing.rate), sent=count(standing.sent)
    )
    parts = [("⟳ ", "$text-primary"), (said, "bold"), (say("  ctrl+g stops"), "$foreground-muted")]
    if standing.trouble:
        parts.append((f"  ▲ {readable(say(standing.trouble))}", "$text-warning"))
    elif standing.slow:
        slow = say("only {rate} of it gets through").format(rate=rate(standing.per_second))
        parts.append((f"  ▲ {slow}", "$text-warning"))
    return Content.assemble(*parts)
