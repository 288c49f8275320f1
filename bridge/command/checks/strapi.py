"""Tries Strapi: whether it answers, which it is, and each right that the token needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from bridge.command.checks.finding import Finding, failure
from bridge.errors import RefusedError, ServerError
from bridge.journal import Server
from bridge.route import Does
from bridge.strapi.client import StrapiClient, StrapiRejectedError
from bridge.strapi.flavour import Flavour, detect
from bridge.strapi.products import path_of, read_latest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.settings import Settings

__all__ = ["check_strapi"]

_MODES: Final = {
    Flavour.LEDGER: "it has the ledger: each movement counts once",
    Flavour.REST5: "it is a plain Strapi 5: a crash at the wrong moment can count a movement twice",
    Flavour.REST4: "it is a plain Strapi 4: a crash at the wrong moment can count a movement twice",
    None: "it has no ledger, and no product that would tell its version",
}


async def check_strapi(settings: Settings) -> AsyncIterator[Finding]:
    """Try Strapi; nothing is made or changed.

    Args:
        settings: Strapi's, and the routes that say which rights are needed.
    """
    # Found out, whatever the settings say: `ledger` of a Strapi without one would fail at the first movement.
    async with StrapiClient(replace(settings.strapi, mode="auto")) as client:
        try:
            _, count = await read_latest(client, 1)
        except ServerError as error:
            yield failure(Server.STRAPI, error)
            return
        yield Finding(Server.STRAPI, True, f"{settings.strapi.url} knows the token and shows {count:,} products")
        if not settings.apply.enabled:
            return
        try:
            flavour = await detect(client)
        except ServerError as error:
            yield failure(Server.STRAPI, error, "the ledger's batch route")
            return
        wanted = settings.strapi.mode
        if flavour is None or wanted in {"auto", flavour}:
            yield Finding(Server.STRAPI, True, _MODES[flavour])
        else:
            text = f"strapi.mode is {wanted}, and {_MODES[flavour]}"
            yield Finding(Server.STRAPI, flavour is Flavour.LEDGER and wanted == "rest5", text, "set it to auto")
        does = {route.does for route in settings.routes}
        path = path_of(settings.strapi)
        if flavour is not Flavour.LEDGER or Does.PRODUCT in does:
            # An empty request is refused as such by who may, and as forbidden to who may not.
            yield await _right(client, "PUT", f"{path}/0", "change products")
        if Does.PRODUCT in does:
            yield await _right(client, "POST", path, "make products")
        if Does.EVENT in does:
            yield await _right(client, "POST", "/api/events", "make events")


async def _right(client: StrapiClient, method: str, path: str, what: str) -> Finding:
    try:
        await client.call(method, path, {})
    except RefusedError as error:
        return failure(Server.STRAPI, error, f"the token may not {what}")
    except StrapiRejectedError as error:
        if error.status == 405 or (error.status == 404 and method == "POST"):
            return failure(Server.STRAPI, error, f"there is no way to {what}")
    except ServerError as error:
        return failure(Server.STRAPI, error, f"whether the token may {what}")
    return Finding(Server.STRAPI, True, f"the token may {what}")
