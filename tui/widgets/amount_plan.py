"""The movements for an amount typed on rows, and sending them through the engine."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from bridge.movement import MAX_AMOUNT, Movement, encode_movement
from tui.format import count
from tui.language import say
from tui.widgets.preview import refusal
from tui.widgets.sent import Sent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.journal import Product
    from tui.engine import Engine
    from tui.widgets.sent import SentList

__all__ = ["Plan", "Planned", "Target", "plan", "send_plan"]


_ENTRY: Final = re.compile(r"([+\-=]?)([0-9]*)", re.ASCII)


class Target(NamedTuple):
    """A row whose stock is to change.

    Attributes:
        product: as it is shown.
        pending: the sum of sent movements that are not decided yet.
    """

    product: Product
    pending: int = 0

    @property
    def expected(self) -> int:
        """The stock once the pending movements are applied."""
        return self.product.stock + self.pending


class Planned(NamedTuple):
    """One movement that would be sent."""

    target: Target
    delta: int

    @property
    def movement(self) -> Movement:
        kind: Literal["IN", "OUT"] = "IN" if self.delta > 0 else "OUT"
        return Movement(str(self.target.product.id), abs(self.delta), kind)

    @property
    def refused(self) -> str:
        """Why Strapi would refuse it, judging by the shown stock; empty if it would not."""
        product = self.target.product
        return refusal(product._replace(stock=self.target.expected), self.delta)


class Plan(NamedTuple):
    """What would be sent.

    Attributes:
        planned: a movement for each row that would change.
        missing: what has to be typed or corrected first; then nothing would be sent.
    """

    planned: tuple[Planned, ...] = ()
    missing: str = ""


def plan(typed: str, targets: Sequence[Target]) -> Plan:
    """Plan the movements for a typed amount.

    Args:
        typed: `+5`, `-12`, a sign alone for one piece, or `=60` for a target stock.
        targets: the rows.
    """
    found = _ENTRY.fullmatch(typed.strip())
    sign, digits = (found[1], found[2]) if found else ("", "")
    if found is None or not (sign or digits):
        return Plan(missing=say("+5 puts in, -3 takes out, =60 sets; a sign alone means one"))
    if sign == "=":
        return _set_to(digits, targets)
    amount = int(digits or "1")
    if amount == 0:
        return Plan(missing=say("an amount of 0 moves nothing"))
    if amount > MAX_AMOUNT:
        return Plan(missing=say("the largest amount is {count}").format(count=count(MAX_AMOUNT)))
    delta = -amount if sign == "-" else amount
    return Plan(tuple(Planned(target, delta) for target in targets))


def _set_to(digits: str, targets: Sequence[Target]) -> Plan:
    if not digits:
        return Plan(missing=say("type the stock that there shall be"))
    wanted = int(digits)
    if wanted > MAX_AMOUNT:
        return Plan(missing=say("the largest stock is {count}").format(count=count(MAX_AMOUNT)))
    planned = tuple(
        Planned(target, wanted - target.expected)
        for target in targets
        if 0 < abs(wanted - target.expected) <= MAX_AMOUNT
    )
    return Plan(planned, "" if planned else say("the stock is {count} as it is").format(count=count(wanted)))


def send_plan(engine: Engine, sent: SentList, plan: Plan, undoes: Sequence[Sent] = ()) -> None:
    """Publish each movement of a plan and note them as one step.

    Args:
        engine: publishes.
        sent: where they are noted.
        plan: what to send.
        undoes: what each movement undoes; empty if the plan is not an undo.
    """
    step = []
    for place, planned in enumerate(plan.planned):
        movement = planned.movement
        answer = engine.publish(encode_movement(movement))
        taken_back = undoes[place] if undoes else None
        step.append(Sent(movement, planned.target.product.name, answer, engine.journal, taken_back))
    sent.add(*step)
