"""Strapi's products and the ledger's verdicts for the page, read with a token that the page never sees."""

from __future__ import annotations

import re
import ssl
from typing import TYPE_CHECKING, Final

import httpx

from bridge.http.message import JSON, Response, complaint, json_response

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["MOST_VERDICTS", "Stock"]

MOST_VERDICTS: Final = 50
"""The most movements in one request."""

_PAGE_SIZE: Final = 100
_MOVEMENT_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Stock:
    """The requests to Strapi on behalf of the page. Thread-safe.

    Args:
        url: Strapi's base URL.
        token_file: the read-only API token. Read at each request, as Strapi creates it during its first start.
        authority: a file with the authority that signed Strapi's certificate; None trusts the system's authorities.
    """

    def __init__(self, url: str, token_file: Path, authority: Path | None = None) -> None:
        self._token_file = token_file
        # Node.js closes an idle connection after 5 s; this is shorter, so that the two never race.
        limits = httpx.Limits(keepalive_expiry=3)
        verify = ssl.create_default_context(cafile=str(authority)) if authority else True
        self._client = httpx.Client(base_url=url, timeout=10, trust_env=False, limits=limits, verify=verify)

    def close(self) -> None:
        """Close the connections to Strapi."""
        self._client.close()

    def products(self, after: str, order: str) -> Response:
        """Up to 100 products, in the form of Strapi's REST API.

        Args:
            after: with `id`, only products after this one, in decimal; `0` begins with the first.
            order: `id`, or `latest` for the last changed ones, with the number of all (`meta.pagination.total`).
        """
        if not re.fullmatch(r"0|[1-9]\d{0,15}", after) or order not in {"id", "latest"}:
            return complaint(400, "after is the id of a product or 0, order is id or latest")
        query = {**_fields("name", "barcode", "stock_available"), "pagination[pageSize]": str(_PAGE_SIZE)}
        if order == "latest":
            query["sort"] = "updatedAt:desc"
        else:
            query |= {"sort": "id", "filters[id][$gt]": after, "pagination[withCount]": "false"}
        return self._ask("/api/products", query)

    def verdicts(self, movements: Sequence[str]) -> Response:
        """The ledger's rows of these movements; unknown ones are left out.

        For a Strapi without the ledger `ledger` is false: there, what is sent twice would count twice.

        Args:
            movements: 1 to 50 movement-ids, each a UUID.
        """
        if not 1 <= len(movements) <= MOST_VERDICTS or not all(map(_MOVEMENT_ID.fullmatch, movements)):
            return complaint(400, f"ids is 1 to {MOST_VERDICTS} UUIDs with commas between them")
        query = {
            **_fields("movement_id", "verdict", "stock_before", "stock_after", "source"),
            **{f"filters[movement_id][$in][{place}]": movement for place, movement in enumerate(movements)},
            "pagination[pageSize]": str(_PAGE_SIZE),
        }
        return self._ask("/api/stock-movements", query, absent=json_response({"data": [], "ledger": False}))

    def movements(self, after: str) -> Response:
        """Up to 100 rows of the ledger, from any sender; none where Strapi has no ledger.

        Args:
            after: only rows after this id in decimal, all for `0`; empty returns the latest twenty.
        """
        if not re.fullmatch(r"(0|[1-9]\d{0,15})?", after):
            return complaint(400, "after is the id of a row of the ledger or 0")
        query = {
            **_fields(
                *("movement_id", "product", "product_id", "amount", "type"),
                *("verdict", "stock_before", "stock_after", "source", "createdAt"),
            ),
            "pagination[withCount]": "false",
        }
        if not after:
            query |= {"sort": "id:desc", "pagination[pageSize]": "20"}
        else:
            query |= {"sort": "id", "filters[id][$gt]": after, "pagination[pageSize]": str(_PAGE_SIZE)}
        return self._ask("/api/stock-movements", query, absent=json_response({"data": [], "ledger": False}))

    def _ask(self, path: str, query: Mapping[str, str], absent: Response | None = None) -> Response:
        try:
            token = self._token_file.read_text().strip()
            answer = self._client.get(path, params=query, headers={"Authorization": f"Bearer {token}"})
        except OSError:
            return complaint(503, "Strapi has made no token yet")
        except httpx.HTTPError:
            return complaint(502, "Strapi does not answer")
        if answer.status_code == httpx.codes.NOT_FOUND and absent is not None:
            return absent
        if answer.status_code != httpx.codes.OK:
            return complaint(502, f"Strapi answered {answer.status_code}")
        return Response(200, JSON, answer.content)


def _fields(*names: str) -> dict[str, str]:
    return {f"fields[{place}]": name for place, name in enumerate(names)}
