"""Which Strapi this is: with our ledger, or a plain one of version 5 or 4."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from bridge.strapi.ledger import has_ledger
from bridge.strapi.products import read_pages

if TYPE_CHECKING:
    from bridge.strapi.client import StrapiClient

__all__ = ["Flavour", "detect"]


class Flavour(StrEnum):
    """How a Strapi takes movements; the words of the setting strapi.mode."""

    LEDGER = "ledger"
    REST5 = "rest5"
    REST4 = "rest4"


async def detect(client: StrapiClient) -> Flavour | None:
    """Find out.

    Args:
        client: the Strapi, with the mode in its settings.

    Returns:
        How it takes movements. None where nothing tells yet: it has no ledger and no product, so that any movement
        names an unknown one.

    Raises:
        UnreachableError: it does not answer.
        RefusedError: the token may not see it.
    """
    if client.settings.mode != "auto":
        return Flavour(client.settings.mode)
    if await has_ledger(client):
        return Flavour.LEDGER
    async for rows in read_pages(client, size=1):
        if rows:
            return Flavour.REST4 if rows[0].document_id is None else Flavour.REST5
        break
    return None
