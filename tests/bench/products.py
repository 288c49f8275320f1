"""The products that a measuring run makes for itself, over Strapi's own interface."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, NamedTuple

import httpx

if TYPE_CHECKING:
    from stack.local import LocalStack

__all__ = ["Product", "make_products"]


class Product(NamedTuple):
    """A product.

    Attributes:
        row: its row id.
        barcode: another name of it.
    """

    row: int
    barcode: str


def make_products(stack: LocalStack, count: int, stock: int) -> list[Product]:
    """Create products.

    Args:
        stack: whose Strapi runs.
        count: how many.
        stock: of each.
    """
    headers = {"Authorization": f"Bearer {stack.bridge_token}"}
    made = []
    with httpx.Client(base_url=stack.addresses.strapi, headers=headers, timeout=30) as client:
        for _ in range(count):
            barcode = f"bench-{uuid.uuid4().hex[:12]}"
            data = {"name": barcode, "barcode": barcode, "stock_available": stock}
            answer = client.post("/api/products", json={"data": data})
            made.append(Product(int(answer.raise_for_status().json()["data"]["id"]), barcode))
    return made
