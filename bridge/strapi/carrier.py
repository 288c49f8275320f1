"""Writes products and events into Strapi, each once as far as Strapi's schema lets us tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bridge.errors import UnreachableError
from bridge.phrase import Phrase
from bridge.strapi.client import StrapiRejectedError
from bridge.strapi.products import STATUS_FIELDS, find_by_barcode, path_of, row_of

if TYPE_CHECKING:
    from bridge.strapi.client import StrapiClient
    from bridge.strapi.products import Row

__all__ = ["Carrier"]

_EVENTS: Final = "/api/events"


class Carrier:
    """Writes what the routes `product` and `event` carry.

    Args:
        client: the Strapi.
    """

    def __init__(self, client: StrapiClient) -> None:
        self._client = client
        self._with_source = True

    @property
    def stock_field(self) -> str:
        """The attribute that holds the stock."""
        return self._client.settings.stock_field

    async def write_product(self, product: dict[str, Any]) -> Row:
        """Change the product of that barcode, or make one.

        The stock goes into a new product only. A product that is there has movements behind it, and a record that
        Kafka delivers again must not undo them.

        Args:
            product: what `read_product` returned.

        Returns:
            The row as Strapi has it now.

        Raises:
            UnreachableError: no answer came; write it again.
            RefusedError: the token may not.
            StrapiRejectedError: Strapi refuses it for good.
        """
        settings = self._client.settings
        known = await find_by_barcode(self._client, product["barcode"])
        fields = {name: value for name, value in product.items() if name not in {"status", "stock_available"}}
        if known is None and "stock_available" in product:
            fields[settings.stock_field] = product["stock_available"]
        method = "POST" if known is None else "PUT"
        path = path_of(settings, known)
        if "status" not in product:
            return await self._write(method, path, fields)
        names = [name for name in STATUS_FIELDS if known is None or name in known.fields]
        for name in names:
            try:
                row = await self._write(method, path, {**fields, name: product["status"]})
            except StrapiRejectedError as error:
                if name not in error.message:
                    raise
                continue
            if name in row.fields:
                return row
            # Strapi 4 takes an attribute that it does not know, and drops it.
            method, path, fields = "PUT", path_of(settings, row), {}
        return await self._write(method, path, fields)

    async def write_event(self, event: dict[str, Any], source: str) -> None:
        """Make an event.

        Args:
            event: what `read_event` returned.
            source: the identity of its record; a Strapi whose events have a unique `source` takes it once.

        Raises:
            UnreachableError: no answer came; write it again.
            RefusedError: the token may not.
            StrapiRejectedError: Strapi refuses it for good.
        """
        if not self._with_source:
            await self._client.call("POST", _EVENTS, {"data": event})
            return
        try:
            await self._client.call("POST", _EVENTS, {"data": {**event, "source": source}})
        except StrapiRejectedError as error:
            if "source" in error.message:
                self._with_source = False
                await self._client.call("POST", _EVENTS, {"data": event})
            elif not await self._has_event(source):
                raise
        except UnreachableError:
            # A breach of the database's own unique index is a 500.
            if not await self._has_event(source):
                raise

    async def _write(self, method: str, path: str, fields: dict[str, Any]) -> Row:
        answer = await self._client.call(method, path, {"data": fields})
        return row_of(_data_of(path, answer))

    async def _has_event(self, source: str) -> bool:
        try:
            answer = await self._client.get(_EVENTS, {"filters[source][$eq]": source, "pagination[pageSize]": 1})
        except StrapiRejectedError:
            return False
        return bool(_data_of(_EVENTS, answer))


def _data_of(path: str, answer: Any) -> Any:
    try:
        return answer["data"]
    except (KeyError, TypeError) as error:
        raise UnreachableError(
            "strapi",
            Phrase("{path} does not answer as Strapi does: {error}", path=path, error=repr(error)),
            Phrase("look at strapi.url"),
        ) from error
