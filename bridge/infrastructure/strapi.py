"""What Strapi says of itself, and what the token may do there."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from msgspec.structs import replace

from bridge.errors import RefusedError
from bridge.infrastructure.facts import StrapiFacts
from bridge.strapi.client import StrapiClient
from bridge.strapi.gateway import detect

if TYPE_CHECKING:
    from bridge.settings import Settings

__all__ = ["read_strapi"]


async def read_strapi(settings: Settings) -> StrapiFacts:
    """Try the token as `opsci-bridge check` does; nothing is made or changed.

    Args:
        settings: Strapi's, and the routes that say which rights are needed.

    Raises:
        UnreachableError: it does not answer.
    """
    # Late: an engine whose window nobody opens needs none of it.
    from bridge.command.check import check_strapi  # noqa: PLC0415

    kind, kind_trouble = None, ""
    async with StrapiClient(replace(settings.strapi, mode="auto")) as client:
        try:
            kind = await detect(client)
        except RefusedError as error:
            kind_trouble = error.what
    findings = tuple([finding async for finding in check_strapi(settings)])
    return StrapiFacts(time.time(), kind, findings, kind_trouble)
