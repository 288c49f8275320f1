"""Movements that nothing tells apart: one payload, no movement-id and no mark of ours. Pure.

A device that counts what passes it sends such. The account can't follow one of them, but it can count them: each
product of theirs has no other movements, and each of them adds one.
"""

from __future__ import annotations

import re
from collections import Counter
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.faults.register import Sent

__all__ = ["Alike", "alike_payload", "alike_product", "count_alike"]

_PAYLOAD: Final = re.compile(rb'\{"id":(\d+),"amount":1,"type":"IN"\}')


class Alike(NamedTuple):
    """The counts of one product.

    Attributes:
        published: how many were sent.
        acknowledged: how many the broker said that it has.
        handed: how many Mosquitto handed to the engine for the first time, without DUP.
        forgotten: how many of the acknowledged ones Mosquitto may have forgotten when it was killed, or lost with all
            that it kept, of which the engine told.
        applied: how many count in the stock.
        deleted: how many Kafka deleted before they were applied, of which the engine told.
    """

    published: int
    acknowledged: int
    handed: int
    forgotten: int
    applied: int
    deleted: int = 0

    @property
    def missing(self) -> int:
        """How many of the acknowledged ones surely do not count."""
        return max(0, self.acknowledged - self.forgotten - self.applied - self.deleted)

    @property
    def beyond(self) -> int:
        """How many count that were neither published nor handed out once more as new by a Mosquitto that went back."""
        return max(0, self.applied - max(self.published, self.handed))


def alike_payload(product: int) -> bytes:
    """The payload of each of a product's movements."""
    return b'{"id":%d,"amount":1,"type":"IN"}' % product


def alike_product(payload: bytes) -> int:
    """The product of a payload that is one of these, 0 for any other."""
    found = _PAYLOAD.fullmatch(payload)
    return int(found[1]) if found else 0


def count_alike(
    sent: Iterable[Sent],
    *,
    handed: Mapping[int, int],
    forgotten: Iterable[int],
    told: Mapping[int, int],
    applied: Mapping[int, int],
    deleted: Mapping[int, int] = MappingProxyType({}),
) -> dict[int, Alike]:
    """Count by product.

    Args:
        sent: everything that was entered for sending.
        handed: by product, how many Mosquitto handed out without DUP.
        forgotten: the numbers of those that Mosquitto may have forgotten.
        told: by product, how many it lost with all that it kept.
        applied: by product, how many count.
        deleted: by product, how many Kafka deleted before that.
    """
    unmarked = [one for one in sent if one.unmarked and one.sends]
    may_lack = {*forgotten}
    published = Counter(one.product for one in unmarked)
    acknowledged = Counter(one.product for one in unmarked if one.acknowledged_at)
    lacking = Counter(one.product for one in unmarked if one.number in may_lack)
    return {
        row: Alike(
            count,
            acknowledged[row],
            handed.get(row, 0),
            lacking[row] + told.get(row, 0),
            applied.get(row, 0),
            deleted.get(row, 0),
        )
        for row, count in sorted(published.items())
    }
