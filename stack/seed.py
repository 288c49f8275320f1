"""The catalogue: the products of our own small shop, created in Strapi once."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any, Final

import httpx

from stack.errors import NotRunningError, SeedError
from stack.paths import ROOT, Paths
from stack.ports import Addresses
from stack.run_state import RunState
from stack.secure.credentials import Credentials
from stack.status import look

if TYPE_CHECKING:
    import ssl

    from stack.report import Report

__all__ = ["CATALOGUE", "read_catalogue", "seed", "seed_catalogue"]

CATALOGUE: Final = ROOT / "stack" / "catalogue" / "products.csv"
"""The products; the columns are those of the course's own product files."""

_PAGE: Final = 100


def read_catalogue() -> list[dict[str, str | int]]:
    """Read the committed catalogue, for Strapi's products.

    The column `status` becomes the attribute `statuss`, as Strapi 5 reserves the other name.
    """
    with CATALOGUE.open(newline="", encoding="utf-8") as file:
        return [
            {
                "name": row["name"],
                "description": row["description"],
                "stock_available": int(row["stock_available"]),
                "barcode": row["barcode"],
                "statuss": row["status"],
            }
            for row in csv.DictReader(file)
        ]


def _barcodes(client: httpx.Client) -> set[str]:
    found: set[str] = set()
    page = 1
    while True:
        query = {
            "fields[0]": "barcode",
            "sort": "id",
            "pagination[page]": str(page),
            "pagination[pageSize]": str(_PAGE),
        }
        answer: dict[str, Any] = client.get("/api/products", params=query).raise_for_status().json()
        found |= {product["barcode"] for product in answer["data"] if product["barcode"]}
        if page >= answer["meta"]["pagination"]["pageCount"]:
            return found
        page += 1


def _count(client: httpx.Client) -> int:
    query = {"fields[0]": "id", "pagination[pageSize]": "1"}
    answer: dict[str, Any] = client.get("/api/products", params=query).raise_for_status().json()
    return int(answer["meta"]["pagination"]["total"])


def seed_catalogue(
    url: str, token: str, trust: ssl.SSLContext | None = None, *, only_first: bool = False
) -> tuple[int, int]:
    """Create the products whose barcode Strapi does not have; existing ones are left alone.

    Args:
        url: Strapi's base URL.
        token: an API token that may find and create products.
        trust: trusts its certificate, if the system does not.
        only_first: create nothing if there is any product, so that deleted ones stay deleted.

    Returns:
        How many were created, and how many existed.

    Raises:
        SeedError: Strapi refused, or does not answer.
    """
    headers = {"Authorization": f"Bearer {token}"}
    try:
        verify = trust or True
        with httpx.Client(base_url=url, headers=headers, timeout=30, trust_env=False, verify=verify) as client:
            if only_first and (count := _count(client)):
                return 0, count
            there = _barcodes(client)
            products = read_catalogue()
            missing = [product for product in products if product["barcode"] not in there]
            for product in missing:
                client.post("/api/products", json={"data": product}).raise_for_status()
    except httpx.HTTPStatusError as error:
        said = error.response.text[:500]
        raise SeedError(f"Strapi answered {error.response.status_code} to {error.request.url}: {said}") from error
    except httpx.HTTPError as error:
        raise SeedError(f"Strapi at {url} does not answer: {error!r}") from error
    return len(missing), len(products) - len(missing)


def seed(paths: Paths, report: Report) -> int:
    """Seed the Strapi that runs in this state folder.

    Raises:
        NotRunningError: it does not run.
        SeedError: Strapi refused, or does not answer.
    """
    record = RunState.read(paths.record)
    if look(paths, record)["strapi"].state != "running":
        raise NotRunningError("Strapi does not run: start the servers with `python3 -m stack up`")
    with report.step("seed the catalogue"):
        token = paths.bridge_token.read_text().strip()
        credentials = Credentials.of(paths)
        url = Addresses.of(record.ports, secure=paths.is_secure).strapi
        made, there = seed_catalogue(url, token, credentials.trust() if credentials else None)
    print(f"{made} products made, {there} there already")
    return 0
