"""Memories of names and keys that strangers choose, bounded in number and in bytes.

Topics, keys and identities come from whoever may publish. A memory of so many entries alone has no bound in bytes: an
MQTT topic may have 65,535 of them, and 65,536 such topics would be four gigabytes.
"""

from __future__ import annotations

from sys import getsizeof
from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

__all__ = ["Computed", "Recent"]


Key = TypeVar("Key")
Value = TypeVar("Value")

_ENTRY: Final = 100
"""What a dictionary takes for an entry beside its key and its value, in bytes, with its spare places."""

_SHARE: Final = 16
"""An entry of more than this part of the bytes is not remembered: a few of them would drive out all others."""


class Recent(Generic[Key, Value]):
    """Remembers at least the latest `keep` keys and at most twice as many, and those that one `update` brought.

    Deleting a dictionary's first key again and again makes each search for it longer; a generation is dropped whole.

    Args:
        keep: how many keys are surely remembered, at least 1, unless they weigh too much.
        most: what a generation weighs at most, and whatever one `update` brought; None where nothing is weighed.
    """

    __slots__ = ("_keep", "_most", "_old", "_weight", "_young")

    def __init__(self, keep: int, most: int | None = None) -> None:
        self._keep = keep
        self._most = most
        self._weight = 0
        self._young: dict[Key, Value] = {}
        self._old: dict[Key, Value] = {}

    def __len__(self) -> int:
        return len(self._young) + sum(key not in self._young for key in self._old)

    def __setitem__(self, key: Key, value: Value) -> None:
        self.update({key: value})

    def resize(self, keep: int, most: int | None = None) -> None:
        """Remember another number of keys from now on; see the class."""
        self._keep, self._most = keep, most

    def update(self, found: Mapping[Key, Value], weight: int = 0) -> None:
        """Remember several keys at once, which weigh so much together."""
        self._young.update(found)
        self._weight += weight
        if len(self._young) >= self._keep or (self._most is not None and self._weight > self._most):
            self._old = self._young
            self._young = {}
            self._weight = 0

    def knows_any(self, keys: Collection[Key]) -> bool:
        """Whether one of some keys is remembered."""
        return not (self._young.keys().isdisjoint(keys) and self._old.keys().isdisjoint(keys))

    def get(self, key: Key) -> Value | None:
        """What was remembered last under a key, or None."""
        found = self._young.get(key)
        return found if found is not None else self._old.get(key)


class Computed(dict[Key, Value]):
    """A function's results by its argument; `computed[key]` computes what is not remembered.

    A result that is remembered costs one look into a dictionary. When it is full everything is forgotten: to know what
    was asked for last would cost something at each look.

    Args:
        compute: the function. Key and value are weighed by `sys.getsizeof`, which does not look into containers.
        entries: how many results are remembered at most.
        most: how many bytes keys and values take at most.
    """

    __slots__ = ("_compute", "_entries", "_most", "_taken")

    def __init__(self, compute: Callable[[Key], Value], entries: int, most: int) -> None:
        super().__init__()
        self._compute = compute
        self._entries = entries
        self._most = most
        self._taken = 0

    @property
    def taken(self) -> int:
        """The bytes that are taken."""
        return self._taken

    def __missing__(self, key: Key) -> Value:
        value = self._compute(key)
        weight = getsizeof(key) + getsizeof(value) + _ENTRY
        if weight * _SHARE <= self._most:
            if len(self) >= self._entries or self._taken + weight > self._most:
                self.clear()
                self._taken = 0
            self[key] = value
            self._taken += weight
        return value
