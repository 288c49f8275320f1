"""Route kinds whose records become Strapi content: a class for each.

A record is written once, as far as Strapi's schema allows. A new kind needs a member of
`bridge.route.RouteKind`, a class here that is listed in `CONTENT`, and its content type in `stack/strapi/src/api`.
"""

from __future__ import annotations

import abc
import contextlib
import re
from datetime import UTC, datetime
from math import isfinite
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Final

import msgspec

from bridge.errors import UnreachableError
from bridge.movement import MAX_AMOUNT, Reason, Rejection
from bridge.payload import read_object, trimmed
from bridge.phrase import Phrase
from bridge.route import RouteKind
from bridge.strapi.client import StrapiRejectedError
from bridge.strapi.products import STATUS_FIELDS, path_of, row_of, stock_of, write_query
from bridge.text import LONGEST_TEXT, can_be_stored, length_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from bridge.journal import Journey
    from bridge.settings import StrapiSettings
    from bridge.strapi.client import StrapiClient
    from bridge.strapi.documents import Documents
    from bridge.strapi.products import Row

__all__ = ["CONTENT", "Content", "CreatedOnce", "Events", "Products", "Readings", "content_of"]

_DIGITS: Final = re.compile(r"[0-9]{1,20}")
_DECIMAL: Final = re.compile(r"[+-]?[0-9]{1,20}(\.[0-9]{0,20})?(e[+-]?[0-9]{1,3})?", re.ASCII | re.IGNORECASE)

_STATUSES: Final = ("safe", "danger", "empty")


class Content(abc.ABC):
    """How one route kind processes its records.

    Args:
        client: the Strapi.
        documents: finds its products.
    """

    columns: ClassVar[tuple[str, ...]]
    """The column names by which `send` recognises a file of such rows."""

    def __init__(self, client: StrapiClient, documents: Documents) -> None:
        self._client = client
        self._documents = documents

    @staticmethod
    @abc.abstractmethod
    def rights(settings: StrapiSettings) -> Iterable[tuple[str, str, str]]:
        """The rights that the token needs: method, path, and what that is for."""

    @staticmethod
    @abc.abstractmethod
    def read(value: bytes) -> dict[str, Any] | Rejection:
        """Parse a record's value. Pure.

        Returns:
            The argument of `write`, or what is wrong with the value.
        """

    @abc.abstractmethod
    async def write(self, content: dict[str, Any], journey: Journey) -> None:
        """Write one record.

        Args:
            content: what `read` returned.
            journey: the record's, in which the changes are noted.

        Raises:
            UnreachableError: no answer came; write it again.
            RefusedError: the token lacks the right.
            StrapiRejectedError: Strapi refuses it permanently.
        """


class Products(Content):
    """Changes the product with a barcode, or creates one.

    The stock is set for a new product only. A known product has been changed by movements since, and a redelivered
    record must not undo them.
    """

    columns = ("name", "barcode")

    @staticmethod
    def rights(settings: StrapiSettings) -> Iterable[tuple[str, str, str]]:
        """The rights to change and to create products."""
        path = path_of(settings)
        return ("PUT", f"{path}/0", Phrase("change products")), ("POST", path, Phrase("make products"))

    @staticmethod
    def read(value: bytes) -> dict[str, Any] | Rejection:
        """Parse a product: `{"name", "description", "stock_available": 11, "barcode", "status": "safe"}`.

        Args:
            value: the record's value.

        Returns:
            The fields that it has, under these names, or what is wrong with it. The barcode is required: it
            distinguishes known products from new ones.
        """
        found = _object(value)
        if isinstance(found, Rejection):
            return found
        barcode = str(found.get("barcode") or "").strip()
        if not barcode:
            return Rejection(
                Reason.NO_PRODUCT, Phrase("the barcode is missing; it tells a known product from a new one")
            )
        product: dict[str, Any] = {"barcode": barcode}
        for name in ("name", "description"):
            if found.get(name) is not None:
                product[name] = str(found[name])
        for name, most in (("barcode", LONGEST_TEXT), ("name", LONGEST_TEXT), ("description", None)):
            if (unstorable := _unstorable(name, product.get(name, ""), most)) is not None:
                return unstorable
        stock = found.get("stock_available")
        if stock not in (None, ""):
            whole = int(stock) if isinstance(stock, str) and _DIGITS.fullmatch(stock) else stock
            if type(whole) is not int or not 0 <= whole <= MAX_AMOUNT:
                return Rejection(
                    Reason.NOT_WHOLE,
                    Phrase("stock_available is {found}; it must be 0 to {most}", found=_shown(stock), most=MAX_AMOUNT),
                )
            product["stock_available"] = whole
        status = found.get("status", found.get("statuss"))
        if status not in (None, ""):
            if status not in _STATUSES:
                return Rejection(
                    Reason.BAD_TYPE,
                    Phrase("the status is {found}; it must be safe, danger or empty", found=_shown(status)),
                )
            product["status"] = status
        return product

    async def write(self, content: dict[str, Any], journey: Journey) -> None:
        """Write a product, and note its id, name and stock in the journey."""
        settings = self._client.settings
        known = await self._documents.find_by_barcode(content["barcode"])
        fields = {name: value for name, value in content.items() if name not in {"status", "stock_available"}}
        if known is None and "stock_available" in content:
            fields[settings.stock_field] = content["stock_available"]
        row = await self._write_fields(known, fields, content.get("status"))
        journey.product_id = row.id if known is None else known.id
        journey.product_name = str(row.fields.get("name") or "")
        journey.stock_after = stock_of(row, settings.stock_field)

    async def _write_fields(self, known: Row | None, fields: dict[str, Any], status: str | None) -> Row:
        settings = self._client.settings
        method = "POST" if known is None else "PUT"
        path = path_of(settings, known)
        query = write_query(known) if known is not None else {}
        if status is None:
            return await self._write(method, path, fields, query)
        names = [name for name in STATUS_FIELDS if known is None or name in known.fields]
        for name in names:
            try:
                row = await self._write(method, path, {**fields, name: status}, query)
            except StrapiRejectedError as error:
                if name not in error.message:
                    raise
                continue
            if name in row.fields:
                return row
            # Strapi 4 accepts an attribute that it does not know, and drops it.
            method, path, fields = "PUT", path_of(settings, row), {}
        return await self._write(method, path, fields, query)

    async def _write(self, method: str, path: str, fields: dict[str, Any], query: dict[str, str | int]) -> Row:
        answer = await self._client.call(method, path, {"data": fields}, query=query)
        return row_of(_data_of(path, answer))


class CreatedOnce(Content):
    """Creates an entry for each record; a Strapi whose entries have a unique `source` accepts each once."""

    path: ClassVar[str]
    """Strapi's path of the content type."""

    def __init__(self, client: StrapiClient, documents: Documents) -> None:
        super().__init__(client, documents)
        self._with_source = True

    async def write(self, content: dict[str, Any], journey: Journey) -> None:
        """Create an entry, with the record's topic, partition, offset and timestamp as its source."""
        source = f"{journey.kafka_topic}/{journey.partition}@{journey.offset}/{journey.timestamp}"
        if not self._with_source:
            await self._client.call("POST", self.path, {"data": content})
            return
        try:
            await self._client.call("POST", self.path, {"data": {**content, "source": source}})
        except StrapiRejectedError as error:
            if "source" in error.message:
                self._with_source = False
                await self._client.call("POST", self.path, {"data": content})
            elif not await self._has(source):
                raise
        except UnreachableError:
            # A violation of the database's own unique index results in a 500.
            if not await self._has(source):
                raise

    async def _has(self, source: str) -> bool:
        try:
            answer = await self._client.get(self.path, {"filters[source][$eq]": source, "pagination[pageSize]": 1})
        except StrapiRejectedError:
            return False
        return bool(_data_of(self.path, answer))


class Events(CreatedOnce):
    """Creates an event for each record."""

    path = "/api/events"
    columns = ("value", "metadata")

    @staticmethod
    def rights(settings: StrapiSettings) -> Iterable[tuple[str, str, str]]:
        """The right to create events."""
        return (("POST", Events.path, Phrase("make events")),)

    @staticmethod
    def read(value: bytes) -> dict[str, Any] | Rejection:
        """Parse an event: `{"value": "...", "metadata": "..."}`, where the metadata is JSON in a string.

        Args:
            value: the record's value.

        Returns:
            Its value and its metadata, decoded where it is JSON, or what is wrong with it.
        """
        found = _object(value)
        if isinstance(found, Rejection):
            return found
        if found.get("value") is None and found.get("metadata") is None:
            return Rejection(Reason.NOT_AN_OBJECT, Phrase("the event has neither a value nor metadata"))
        text = found.get("value")
        metadata = found.get("metadata")
        if isinstance(metadata, str):
            # Other text remains a string, which is a JSON value too.
            with contextlib.suppress(msgspec.DecodeError, UnicodeEncodeError):
                metadata = msgspec.json.decode(metadata)
        if text is not None and not isinstance(text, str):
            text = msgspec.json.encode(text).decode()
        unstorable = _unstorable("value", text or "", LONGEST_TEXT)
        if unstorable is None and not all(map(can_be_stored, _texts_in(metadata))):
            unstorable = _unstorable("metadata", "\0")
        return unstorable or {"value": text, "metadata": metadata}


class Readings(CreatedOnce):
    """Creates a reading for each record: what a sensor measured, with the time at which Kafka got it."""

    path = "/api/readings"
    columns = ("sensor", "value")

    @staticmethod
    def rights(settings: StrapiSettings) -> Iterable[tuple[str, str, str]]:
        """The right to create readings."""
        return (("POST", Readings.path, Phrase("make readings")),)

    @staticmethod
    def read(value: bytes) -> dict[str, Any] | Rejection:
        """Parse a reading: `{"sensor": "cold-room-2", "value": -18.4, "unit": "°C"}`.

        Args:
            value: the record's value.

        Returns:
            Its sensor, its value as a number, its unit if it has one, or what is wrong with it. The number may be in a
            string, as in a row of a CSV file.
        """
        found = _object(value)
        if isinstance(found, Rejection):
            return found
        sensor = found.get("sensor")
        if not isinstance(sensor, str) or not sensor.strip():
            return Rejection(Reason.BAD_TYPE, Phrase("the sensor is missing; it must be a name"))
        number = _number(found.get("value"))
        if number is None:
            return Rejection(
                Reason.BAD_TYPE, Phrase("the value is {found}; it must be a number", found=_shown(found.get("value")))
            )
        reading: dict[str, Any] = {"sensor": sensor.strip(), "value": number}
        if found.get("unit") not in (None, ""):
            reading["unit"] = str(found["unit"])
        for name in ("sensor", "unit"):
            if (unstorable := _unstorable(name, reading.get(name, ""), LONGEST_TEXT)) is not None:
                return unstorable
        return reading

    async def write(self, content: dict[str, Any], journey: Journey) -> None:
        """Create a reading, with the time of its record."""
        at = datetime.fromtimestamp(journey.timestamp / 1000, UTC)
        await super().write({**content, "in_kafka_at": at.isoformat(timespec="milliseconds")}, journey)


CONTENT: Final[Mapping[RouteKind, type[Content]]] = MappingProxyType(
    {RouteKind.PRODUCT: Products, RouteKind.EVENT: Events, RouteKind.READING: Readings}
)
"""The route kinds whose records become content; records of other kinds are movements, or stay in Kafka."""


def content_of(topics: Mapping[str, RouteKind], client: StrapiClient, documents: Documents) -> dict[str, Content]:
    """By Kafka topic, what writes its records, for topics with content."""
    kinds = {does: kind(client, documents) for does, kind in CONTENT.items()}
    return {topic: kinds[does] for topic, does in topics.items() if does in kinds}


def _data_of(path: str, answer: Any) -> Any:
    try:
        return answer["data"]
    except (KeyError, TypeError) as error:
        raise UnreachableError(
            "strapi",
            Phrase("{path} does not answer as Strapi does: {error}", path=path, error=repr(error)),
            Phrase("check strapi.url"),
        ) from error


def _unstorable(name: str, text: str, most: int | None = None) -> Rejection | None:
    """Why a text can't be stored: Strapi's databases would answer every attempt with an error."""
    size = length_of(text)
    if most is not None and size > most:
        return Rejection(
            Reason.TOO_LONG,
            Phrase("the {name} has {size} characters; Strapi stores {most}", name=name, size=size, most=most),
        )
    if not can_be_stored(text):
        return Rejection(
            Reason.REFUSED_BY_STRAPI,
            Phrase("the {name} has a character that no database of Strapi stores, as NUL", name=name),
        )
    return None


def _number(found: object) -> float | None:
    if isinstance(found, str) and _DECIMAL.fullmatch(found):
        found = float(found)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    try:
        number = float(found)
    except OverflowError:
        return None
    return number if isfinite(number) else None


def _texts_in(value: object) -> Iterator[str]:
    ahead = [value]
    while ahead:
        found = ahead.pop()
        if isinstance(found, str):
            yield found
        elif isinstance(found, dict):
            ahead += [*found.keys(), *found.values()]
        elif isinstance(found, list):
            ahead += found


def _shown(found: object) -> str:
    return f"{found!r:.40}"


def _object(value: bytes) -> dict[str, Any] | Rejection:
    try:
        found = msgspec.json.decode(trimmed(value))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        why = read_object(value)
        return why if isinstance(why, Rejection) else Rejection(Reason.NOT_JSON, Phrase("the record is not JSON"))
    if not isinstance(found, dict):
        return Rejection(
            Reason.NOT_AN_OBJECT, Phrase("the record is JSON, but {found} is no object", found=_shown(found))
        )
    return found
