"""What Strapi reports about itself, and the rights of the token."""

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
    """Check the token as `opsci-bridge check` does, without creating or changing anything.

    Args:
        settings: Strapi's, and the routes that determine the needed rights.

    Raises:
        UnreachableError: it does not answer.
    """
    # Imported here because an engine whose window is never opened doesn't need it.
    from bridge.command.check import check_strapi  # noqa: PLC0415

    kind, kind_trouble = None, ""
    async with StrapiClient(replace(settings.strapi, mode="auto")) as client:
        try:
            kind = await detect(client)
        except RefusedError as error:
            kind_trouble = error.what
    findings = tuple([finding async for finding in check_strapi(settings)])
    return StrapiFacts(time.time(), kind, findings, kind_trouble)
