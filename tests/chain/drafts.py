"""Our Strapi with Draft & Publish or locales for products, as set in its Content-Type Builder, and its admin panel."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx

from stack.local import LocalStack
from stack.ports import random_ports

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from stack.install import Programs
    from stack.run_state import RunState
    from stack.servers.server import Launch


_SESSION = 1200.0
"""Seconds after which a person logs in again; Strapi's tokens hold for thirty minutes."""


class DraftStack(LocalStack):
    """Servers whose Strapi has a draft and a published row of each product.

    Args:
        state: the state folder.
        servers: which of the servers.
        ledger: whether it has our ledger, and what in our application keeps a product's rows alike; else it is a plain
            Strapi 5 with the same rights for the token.
        drafts: whether Draft & Publish is on.
        localized: whether products have locales, with a name and a stock in each.
        environment: further environment variables, for example of another database.
    """

    def __init__(
        self,
        state: Path,
        servers: Collection[str] = ("strapi",),
        *,
        ledger: bool = True,
        drafts: bool = True,
        localized: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(state, ports=random_ports(), servers=servers)
        self.has_ledger = ledger
        self.is_localized = localized
        self.panel_token = ""
        self.panel_until = 0.0
        self._drafts = drafts
        self._environment = environment or {}

    def _launch(self, name: str, record: RunState, programs: Programs) -> Launch:
        launch = super()._launch(name, record, programs)
        if name != "strapi":
            return launch
        source = launch.cwd / "src"
        file = source / "api" / "product" / "content-types" / "product" / "schema.json"
        schema = json.loads(file.read_text())
        schema["options"]["draftAndPublish"] = self._drafts
        if self.is_localized:
            schema["pluginOptions"] = {"i18n": {"localized": True}}
            for attribute in ("name", "stock_available"):
                schema["attributes"][attribute]["pluginOptions"] = {"i18n": {"localized": True}}
        file.write_text(json.dumps(schema))
        if not self.has_ledger:
            (source / "api" / "stock-movement" / "routes" / "batch.js").unlink()
            rights = source / "tokens" / "rights.js"
            rights.write_text(rights.read_text().replace(", 'batch', 'positions'", ""))
            index = source / "index.js"
            index.write_text(re.sub(r"\n *keepVersionsAlike\(strapi\);", "", index.read_text()))
        # The panel itself is not built: its API is what the tests speak.
        return replace(launch, environment={**launch.environment, "OPSCI_SERVE_ADMIN": "true", **self._environment})


class Panel:
    """A person in Strapi's admin panel, through the panel's own requests.

    Args:
        stack: whose Strapi.
    """

    def __init__(self, stack: DraftStack) -> None:
        self._stack = stack
        self.http = httpx.AsyncClient(base_url=stack.addresses.strapi, timeout=10, trust_env=False)

    async def log_in(self) -> None:
        """Log in as the administrator, once: Strapi limits the attempts."""
        if time.monotonic() > self._stack.panel_until:
            login = {"email": "admin@opsci.invalid", "password": self._stack.paths.admin_password.read_text().strip()}
            answer = await self.http.post("/admin/login", json=login)
            self._stack.panel_token = answer.raise_for_status().json()["data"]["token"]
            self._stack.panel_until = time.monotonic() + _SESSION
        self.http.headers["Authorization"] = f"Bearer {self._stack.panel_token}"

    async def open(self, document: str, **query: str) -> dict[str, Any]:
        """The content of the form: the draft, if there is one."""
        answer = await self.http.get(_path(document), params=query)
        found: dict[str, Any] = answer.raise_for_status().json()["data"]
        return found

    async def create(self, **fields: object) -> dict[str, Any]:
        """Create a product, a draft where Draft & Publish is on."""
        answer = await self.http.post(_path(), json=fields)
        found: dict[str, Any] = answer.raise_for_status().json()["data"]
        return found

    async def save(self, document: str, fields: dict[str, Any], **query: str) -> None:
        """Save a form: with everything it was opened with, as the panel does, or with single fields."""
        (await self.http.put(_path(document), json=fields, params=query)).raise_for_status()

    async def do(self, action: str, document: str, fields: dict[str, Any] | None = None, **query: str) -> None:
        """Press a button: `publish`, `unpublish` or `discard`."""
        path = f"{_path(document)}/actions/{action}"
        (await self.http.post(path, json=fields or {}, params=query)).raise_for_status()

    async def delete(self, document: str) -> None:
        """Delete a product with all its rows."""
        (await self.http.delete(_path(document))).raise_for_status()

    async def add_locale(self, code: str) -> None:
        """Add a locale besides English."""
        (
            await self.http.post("/i18n/locales", json={"code": code, "name": code, "isDefault": False})
        ).raise_for_status()


class Rows:
    """The rows of products, read and written by the REST API.

    Args:
        stack: whose Strapi.
    """

    def __init__(self, stack: LocalStack) -> None:
        self.http = httpx.AsyncClient(
            base_url=stack.addresses.strapi,
            headers={"Authorization": f"Bearer {stack.bridge_token}"},
            timeout=30,
            trust_env=False,
        )

    async def add(self, stock: int, **fields: object) -> str:
        """Create a published product; return its documentId."""
        data = {"name": "Lamp", "stock_available": stock, **fields}
        answer = await self.http.post("/api/products", json={"data": data})
        return str(answer.raise_for_status().json()["data"]["documentId"])

    async def write(self, document: str, fields: dict[str, Any], **query: str) -> None:
        """Change a product, as any client may."""
        answer = await self.http.put(f"/api/products/{document}", json={"data": fields}, params=query)
        answer.raise_for_status()

    async def published(self, document: str, **query: str) -> Any:
        """The published row, None where it is not published."""
        answer = await self.http.get(f"/api/products/{document}", params=query)
        return None if answer.status_code == httpx.codes.NOT_FOUND else answer.raise_for_status().json()["data"]

    async def draft(self, document: str, **query: str) -> Any:
        """The draft."""
        return await self.published(document, status="draft", **query)

    async def stocks(self, document: str) -> set[int]:
        """The stocks of all rows of the product, in any locale: a single one if they are alike."""
        found: set[int] = set()
        for status in ("published", "draft"):
            query = {"filters[documentId][$eq]": document, "locale": "*", "status": status}
            answer = await self.http.get("/api/products", params=query)
            found.update(row["stock_available"] for row in answer.raise_for_status().json()["data"])
        return found


def _path(document: str = "") -> str:
    path = "/content-manager/collection-types/api::product.product"
    return f"{path}/{document}" if document else path
