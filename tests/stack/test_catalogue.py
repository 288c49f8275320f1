"""The catalogue, and seeding Strapi with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from stack.errors import SeedError
from stack.seed import read_catalogue, seed_catalogue

if TYPE_CHECKING:
    from stack.local import LocalStack


def _check_digit(barcode: str) -> int:
    """GS1 General Specifications, section 7.9: weights 1 and 3 from the left of an EAN-13."""
    weighted = sum(int(digit) * (3 if index % 2 else 1) for index, digit in enumerate(barcode[:12]))
    return -weighted % 10


def test_every_barcode_is_a_valid_ean_13_and_belongs_to_one_product() -> None:
    barcodes = [str(product["barcode"]) for product in read_catalogue()]
    assert 24 <= len(barcodes) <= 40
    assert len(set(barcodes)) == len(barcodes)
    for barcode in barcodes:
        assert len(barcode) == 13
        # 20 to 29 are for numbers inside a shop: none is a real article's.
        assert barcode.startswith("2")
        assert int(barcode[12]) == _check_digit(barcode)


def test_a_product_is_empty_exactly_when_nothing_is_left() -> None:
    for product in read_catalogue():
        assert product["statuss"] in {"safe", "danger", "empty"}
        assert (product["statuss"] == "empty") == (product["stock_available"] == 0)


def test_a_second_seed_changes_nothing(stack: LocalStack) -> None:
    address, token = stack.addresses.strapi, stack.bridge_token
    seed_catalogue(address, token)
    before = _products(stack)
    assert seed_catalogue(address, token) == (0, len(read_catalogue()))
    assert _products(stack) == before


def test_a_refused_token_is_said(stack: LocalStack) -> None:
    with pytest.raises(SeedError, match="answered 401"):
        seed_catalogue(stack.addresses.strapi, "not-a-token")


def _products(stack: LocalStack) -> object:
    answer = httpx.get(
        f"{stack.addresses.strapi}/api/products?sort=id&pagination[pageSize]=100",
        headers={"Authorization": f"Bearer {stack.read_token}"},
        timeout=30,
    )
    return answer.raise_for_status().json()
