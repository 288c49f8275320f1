"""A memory of the latest keys that costs one dictionary write a key and forgets by the generation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["Recent"]

Key = TypeVar("Key")
Value = TypeVar("Value")


class Recent(Generic[Key, Value]):
    """Remembers at least the latest `keep` keys and at most twice as many, and those that one `update` brought.

    Deleting a dictionary's first key again and again makes each search for it longer; a generation is dropped whole.

    Args:
        keep: how many keys are surely remembered, at least 1.
    """

    __slots__ = ("_keep", "_old", "_young")

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._young: dict[Key, Value] = {}
        self._old: dict[Key, Value] = {}

    def __len__(self) -> int:
        return len(self._young) + sum(key not in self._young for key in self._old)

    def __setitem__(self, key: Key, value: Value) -> None:
        self.update({key: value})

    def update(self, found: Mapping[Key, Value]) -> None:
        """Remember several keys at once."""
        self._young.update(found)
        if len(self._young) >= self._keep:
            self._old = self._young
            self._young = {}

    def knows_any(self, keys: Collection[Key]) -> bool:
        """Whether one of some keys is remembered."""
        return not (self._young.keys().isdisjoint(keys) and self._old.keys().isdisjoint(keys))

    def get(self, key: Key) -> Value | None:
        """What was remembered last under a key, or None."""
        found = self._young.get(key)
        return found if found is not None else self._old.get(key)
