"""Caches keyed by names from outside, bounded in number and in bytes.

Topics, keys and identities are chosen by whoever may publish. A limit on the number of entries does not bound the
bytes: an MQTT topic may have 65,535, and 65,536 such topics would be four gigabytes.
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
"""The bytes that a dictionary takes for an entry besides its key and its value, including spare slots."""

_SHARE: Final = 16
"""A larger part of the bytes than this is not cached: a few such entries would displace all others."""


class Recent(Generic[Key, Value]):
    """Keeps at least the latest `keep` keys and at most twice as many, plus those of the last `update`.

    It drops whole generations: deleting a dictionary's first key repeatedly makes each search for it longer.

    Args:
        keep: how many keys are certainly kept, at least 1, unless they weigh too much.
        most: the most weight of a generation, apart from that of the last `update`; None for no limit.
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
        """Change the limits; see the class."""
        self._keep, self._most = keep, most

    def update(self, found: Mapping[Key, Value], weight: int = 0) -> None:
        """Add several keys with their total weight."""
        self._young.update(found)
        self._weight += weight
        if len(self._young) >= self._keep or (self._most is not None and self._weight > self._most):
            self._old = self._young
            self._young = {}
            self._weight = 0

    def knows_any(self, keys: Collection[Key]) -> bool:
        """Whether one of these keys is kept."""
        return not (self._young.keys().isdisjoint(keys) and self._old.keys().isdisjoint(keys))

    def get(self, key: Key) -> Value | None:
        """The latest value of a key, or None."""
        found = self._young.get(key)
        return found if found is not None else self._old.get(key)


class Computed(dict[Key, Value]):
    """A cache of a function's results; `computed[key]` computes what is not cached.

    A cached result costs one dictionary look-up. When the cache is full it is cleared: tracking the last use would cost
    something at each look-up.

    Args:
        compute: the function. Keys and values are weighed by `sys.getsizeof`, which excludes the contents of
            containers.
        entries: the most results that are cached.
        most: the most bytes of keys and values.
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
        """The bytes in use."""
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
