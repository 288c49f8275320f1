"""Handing what was typed on rows to the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.movement import encode_movement
from tui.form.sent import Sent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui.engine import Engine
    from tui.entry.plan import Plan
    from tui.form.sent import SentList

__all__ = ["send_plan"]


def send_plan(engine: Engine, sent: SentList, plan: Plan, undoes: Sequence[Sent] = ()) -> None:
    """Publish each movement of a plan and note them as one step.

    Args:
        engine: what publishes.
        sent: where they are noted.
        plan: what to send.
        undoes: what each movement takes back; empty where the plan is no undo.
    """
    step = []
    for place, planned in enumerate(plan.planned):
        movement = planned.movement
        answer = engine.publish(encode_movement(movement))
        taken_back = undoes[place] if undoes else None
        step.append(Sent(movement, planned.target.product.name, answer, engine.journal, taken_back))
    sent.add(*step)
