"""A share of the partitions that one consumer has, for what is worked on side by side. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Share"]


class Place(Protocol):
    """A partition of a topic, as aiokafka names it."""

    @property
    def topic(self) -> str:
        """The topic."""

    @property
    def partition(self) -> int:
        """The partition."""


AnyPlace = TypeVar("AnyPlace", bound=Place)


class Share(NamedTuple):
    """Every n-th of the partitions of some topics: a product's movements have one key, so all are in one share.

    Attributes:
        topics: the topics.
        number: which of the shares, 0 to `of` - 1.
        of: into how many shares the partitions go.
    """

    topics: frozenset[str]
    number: int = 0
    of: int = 1

    def among(self, assigned: Iterable[AnyPlace]) -> list[AnyPlace]:
        """Which of the partitions that a consumer has are in this share; each is in one."""
        places = (place for place in assigned if place.topic in self.topics)
        return sorted(places, key=lambda place: (place.topic, place.partition))[self.number :: self.of]
