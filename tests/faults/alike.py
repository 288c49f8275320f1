"""Indistinguishable movements: one payload, no movement-id and no number. Pure.

A device that counts passing items sends such messages. The account can't follow a single one, but it can count them:
their products have no other movements, and each movement adds one.
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
        published: number sent.
        acknowledged: number acknowledged by the broker.
        handed: number that Mosquitto delivered to the engine for the first time, without DUP.
        forgotten: number of the acknowledged ones that Mosquitto may have forgotten when it was killed, or lost with
            everything that it stored, as the engine reported.
        applied: number counted in the stock.
        deleted: number that Kafka deleted before they were applied, as the engine reported.
    """

    published: int
    acknowledged: int
    handed: int
    forgotten: int
    applied: int
    deleted: int = 0

    @property
    def missing(self) -> int:
        """Number of acknowledged ones that were certainly not applied."""
        return max(0, self.acknowledged - self.forgotten - self.applied - self.deleted)

    @property
    def beyond(self) -> int:
        """Number applied that were neither published nor delivered again as new by a Mosquitto that reverted."""
        return max(0, self.applied - max(self.published, self.handed))


def alike_payload(product: int) -> bytes:
    """Return the payload of each of a product's movements."""
    return b'{"id":%d,"amount":1,"type":"IN"}' % product


def alike_product(payload: bytes) -> int:
    """Return the product of such a payload, 0 for any other payload."""
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
        sent: all messages entered for sending.
        handed: by product, the number that Mosquitto delivered without DUP.
        forgotten: the numbers of those that Mosquitto may have forgotten.
        told: by product, the number lost with everything that it stored.
        applied: by product, the number applied.
        deleted: by product, the number that Kafka deleted before.
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
