"""Helpers for tests of the secured servers: the engine's settings, and servers that nobody should trust."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import uuid
from typing import TYPE_CHECKING, Any

import httpx
import msgspec

from bridge.settings.load import load_settings
from stack.secure.certificates import OpenSsl, Signer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bridge.settings import Settings
    from stack.local import LocalStack


def secured(stack: LocalStack, **sections: dict[str, Any]) -> Settings:
    """The settings that the runner wrote for its secured servers, with short retry pauses."""
    settings = load_settings(stack.settings_file, {})
    # Their users have rights for the topics and the group of the chain only, and one client id takes what comes there.
    changes: dict[str, dict[str, Any]] = {
        "mqtt": {"client_id": "secured-tests", "keepalive": 10},
        "kafka": {"session_timeout": 6},
        "strapi": {"refresh": 0.5},
        "apply": {"first_pause": 0.1, "longest_pause": 1},
    }
    for section, more in sections.items():
        changes[section] = {**changes.get(section, {}), **more}
    for section, change in changes.items():
        table = msgspec.structs.replace(getattr(settings, section), **change)
        settings = msgspec.structs.replace(settings, **{section: table})
    return msgspec.structs.replace(settings, drain=5)


async def make_product(stack: LocalStack, stock: int) -> dict[str, Any]:
    """Create a product; return Strapi's answer."""
    async with strapi(stack) as client:
        answer = await client.post(
            "/api/products", json={"data": {"name": f"secured {uuid.uuid4().hex[:8]}", "stock_available": stock}}
        )
    assert answer.status_code == 201, answer.text
    product: dict[str, Any] = answer.json()["data"]
    return product


def strapi(stack: LocalStack) -> httpx.AsyncClient:
    """A client of Strapi with the bridge's token."""
    headers = {"Authorization": f"Bearer {stack.bridge_token}"}
    return httpx.AsyncClient(base_url=stack.addresses.strapi, headers=headers, verify=stack.credentials.trust())


@contextlib.asynccontextmanager
async def impostor(stack: LocalStack, folder: Path, *, days: int = 1, host: str = "127.0.0.1") -> AsyncIterator[int]:
    """A server with a certificate of the servers' own authority, for some days and a host; yields its port."""
    openssl = OpenSsl()
    signer = Signer(stack.credentials.authority, stack.credentials.certificates / "ca.key")
    key, certificate = folder / "impostor.key", folder / "impostor.pem"
    openssl.make_key(key)
    openssl.sign(key, certificate, "impostor", [host], signer, days=days, usage="serverAuth")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)

    async def meet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(meet, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()
