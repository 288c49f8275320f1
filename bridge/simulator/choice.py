"""What a simulated object sends next: pure, and the same for the same seed and the same stock."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from bridge.movement import MAX_AMOUNT, Movement, encode_movement

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Choice", "Simulated"]

REFUSED: Final = 0.03
"""The share of movements that Strapi will refuse: more than there is, or a product that there is not."""

NO_MOVEMENT: Final = 0.005
"""The share of payloads that are no movement."""

NONSENSE: Final = (
    b"Hello mqtt0",
    b'{"id":12,"amount":0,"type":"OUT"}',
    b'{"id":null,"amount":null,"type":"OUT"}',
    b'{"id":12,"amount":5,"type":"MOVE"}',
    b'{"id":12,"amount":5,"type":',
)
"""Such payloads: what the course's test scripts and its web client send, and a line that broke."""

RANGE: Final = 4
"""How many products one object moves."""

LEAST_HOME: Final = 20
"""The stock that a product is brought back to where it began with less."""

HIGHEST: Final = MAX_AMOUNT // 2
"""No product is filled beyond this."""


class Simulated(NamedTuple):
    """One message of a simulated object.

    Attributes:
        name: the object's.
        payload: what it publishes.
    """

    name: str
    payload: bytes


class Choice:
    """Chooses for some objects, each of which moves a few products.

    What was chosen counts as applied: a product's stock is believed to be what was seen first, moved by what was
    chosen since, and what is seen again once it was left alone for a while.

    Args:
        objects: how many there are, 1 or more.
        seed: of the choice.
    """

    def __init__(self, objects: int, seed: int | None = None) -> None:
        # What is chosen is no secret.
        self._random = random.Random(seed)  # noqa: S311
        digits = len(str(objects))
        self._names = [f"object-{number:0{digits}}" for number in range(1, objects + 1)]
        self._starts = [self._random.random() for _ in self._names]
        self._believed: dict[int, int] = {}
        self._homes: dict[int, int] = {}

    def see(self, stock: Mapping[int, int]) -> None:
        """Take over what the stock is, of products that nothing is under way of.

        Args:
            stock: pieces by the product's id.
        """
        self._believed |= stock
        for identity, pieces in stock.items():
            self._homes.setdefault(identity, max(LEAST_HOME, pieces))

    def next(self, products: Mapping[int, int]) -> tuple[Simulated, int | None]:
        """Choose what is sent next.

        Args:
            products: the stock of all products that there are, by id; at least one.

        Returns:
            The message, and the id of the product whose stock it is to change, None where it changes none.
        """
        pick = self._random
        place = pick.randrange(len(self._names))
        name = self._names[place]
        chance = pick.random()
        if chance < NO_MOVEMENT:
            return Simulated(name, pick.choice(NONSENSE)), None
        known = list(products)
        identity = known[(int(self._starts[place] * len(known)) + pick.randrange(RANGE)) % len(known)]
        if identity not in self._believed:
            self.see({identity: products[identity]})
        believed = self._believed[identity]
        if chance < NO_MOVEMENT + REFUSED:
            return Simulated(name, self._refused(max(known), identity, believed)), None
        amount, kind = self._plausible(believed, self._homes[identity])
        self._believed[identity] = believed + (amount if kind == "IN" else -amount)
        return Simulated(name, encode_movement(Movement(str(identity), amount, kind))), identity

    def _plausible(self, believed: int, home: int) -> tuple[int, Literal["IN", "OUT"]]:
        """Small amounts go out one after the other, a delivery comes in now and then; the stock stays about home."""
        pick = self._random
        full = believed / home
        comes_in = believed <= 0 or (believed < HIGHEST and pick.random() < min(0.9, max(0.05, 0.75 - full / 2)))
        if comes_in:
            return pick.randint(1, max(2, home // 4)), "IN"
        return min(believed, 1 + int(pick.expovariate(0.4))), "OUT"

    def _refused(self, highest: int, identity: int, believed: int) -> bytes:
        if self._random.random() < 0.3:
            return encode_movement(Movement(str(highest + 1_000), self._random.randint(1, 9), "IN"))
        # More than there would be if everything that is under way came in.
        amount = min(MAX_AMOUNT, max(0, believed) + 1_000 + self._random.randint(1, 9) * 100)
        return encode_movement(Movement(str(identity), amount, "OUT"))
