"""The page over HTTPS, with a user and a password, on a broker that requires them over wss://."""

from __future__ import annotations

import base64
import hashlib
import subprocess
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from tests.chain.engine import engine
from tests.chain.secured import make_product, secured, strapi
from tests.web.browser import Browser
from tests.web.conftest import chromium

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stack.local import LocalStack


def _fingerprint(certificate: Path) -> str:
    """Chromium's fingerprint of a public key."""
    words = ["openssl", "x509", "-in", str(certificate), "-noout", "-pubkey"]
    pem = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    der = base64.b64decode("".join(pem.splitlines()[1:-1]))
    return base64.b64encode(hashlib.sha256(der).digest()).decode()


@pytest.fixture
def secure_browser(secure_stack: LocalStack, tmp_path: Path) -> Iterator[Browser]:
    """A browser that trusts these servers' authority."""
    folder = secure_stack.credentials.certificates
    believed = ",".join(_fingerprint(folder / f"{name}.pem") for name in ("web", "mosquitto"))
    flags = (f"--ignore-certificate-errors-spki-list={believed}",)
    with Browser(chromium(), tmp_path / "profile", "en", flags) as opened:
        yield opened


async def test_a_movement_goes_from_the_secured_page_to_the_new_stock(
    secure_stack: LocalStack, secure_browser: Browser
) -> None:
    product = await make_product(secure_stack, 41)
    page = secure_stack.addresses.web
    password = secure_stack.credentials.password_file("mqtt-publisher").read_text().strip()
    async with engine(secured(secure_stack)):
        secure_browser.open(page)
        assert secure_browser.run("return document.querySelector('#brokerState')") is None
        secure_browser.complaints()
        # As by the browser's own dialog, which no test can type into; it remembers.
        secure_browser.open(page.replace("://", f"://publisher:{quote(password)}@"))
        secure_browser.open(page)
        await secure_browser.sees("#brokerState", "connected")
        await secure_browser.until(lambda: secure_browser.text(".row"))
        secure_browser.type("#search", product["name"])
        secure_browser.click(f".row input[value='{product['id']}']")
        await secure_browser.sees("#number", "41")
        secure_browser.type("#amount", "+5\n")
        await secure_browser.sees("#sent .outcome", "41 → 46")
    async with strapi(secure_stack) as client:
        answer = await client.get(f"/api/products/{product['documentId']}")
    assert answer.json()["data"]["stock_available"] == 46
