"""Strapi from outside: its first administrator, accounts, tokens, origins, and the effects of a right on others."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx

from stack.local import LocalStack
from stack.ports import random_ports
from tests.faults.attacks.attack import Outcome, attack, held, judged, succeeded
from tests.faults.attacks.target import Target, resident
from tests.faults.attacks.wire import get

if TYPE_CHECKING:
    from collections.abc import Mapping

EVIL: Final = "https://evil.example"
_ORIGINS: Final = (
    EVIL,
    "null",
    "http://evil.example:8000",
    "http://127.0.0.1.evil.example",
    "https://localhost.evil.example",
    "http://evillocalhost",
    "http://localhost@evil.example",
    "file://",
)
_ADMIN_ROUTES: Final = (
    ("GET", "/admin"),
    ("GET", "/admin/init"),
    ("GET", "/admin/project-type"),
    ("GET", "/admin/registration-info?registrationToken=x"),
    ("POST", "/admin/login"),
    ("POST", "/admin/register"),
    ("POST", "/admin/forgot-password"),
    ("POST", "/admin/reset-password"),
    ("POST", "/admin/renew-token"),
    ("POST", "/admin/access-token"),
    ("GET", "/admin/providers"),
    ("GET", "/admin/users/me"),
    ("GET", "/admin/api-tokens"),
    ("POST", "/admin/api-tokens"),
    ("GET", "/admin/transfer/runner/connect"),
    ("GET", "/content-manager/content-types"),
    ("GET", "/content-type-builder/content-types"),
    ("GET", "/users-permissions/roles"),
    ("GET", "/upload/files"),
)
_DOORS: Final = {401, 403, 404, 405}
"""What a route answers that lets no stranger do a thing."""

_TRIES: Final = 40


def _person() -> dict[str, str]:
    name = f"evil{secrets.token_hex(4)}"
    return {
        "firstname": "Eve",
        "lastname": "Evil",
        "username": name,
        "email": f"{name}@evil.example",
        "password": f"Evil-{secrets.token_hex(8)}-1",
    }


async def _register_admin(target: Target, headers: Mapping[str, str]) -> tuple[httpx.Response, str]:
    """Register as the first administrator; return the answer, and the token if there is one."""
    person = {name: value for name, value in _person().items() if name != "username"}
    async with target.http(**headers) as client:
        answer = await client.post("/admin/register-admin", json=person)
    token = ""
    with contextlib.suppress(ValueError, KeyError, TypeError):
        token = answer.json()["data"]["token"]
    return answer, token


@attack(
    "strapi-register-admin",
    "1",
    "From a foreign page (`Origin: https://evil.example`), and by a foreign Host, POST /admin/register-admin: become "
    "Strapi's first administrator",
    "no 2xx, no token, no new administrator in the database",
    quick=True,
)
async def register_admin(target: Target) -> Outcome:
    before = _count(target, "admin_users")
    breaches, seen = [], []
    for headers in (
        {"Origin": EVIL},
        {"Origin": "null"},
        {"Host": "evil.example", "Origin": "http://evil.example"},
        {},
    ):
        answer, token = await _register_admin(target, headers)
        allowed = answer.headers.get("access-control-allow-origin", "none")
        word = f"{answer.status_code}, Allow-Origin {allowed}"
        seen.append(word)
        if token:
            target.loot["administrator"] = token
        if answer.is_success or token:
            breaches.append(f"with {headers or 'no headers'}: {word}, {'a token' if token else 'no token'}")
    made = _count(target, "admin_users") - before
    if made:
        breaches.append(f"{made} new administrators")
    return judged(breaches, f"{', '.join(dict.fromkeys(seen))}; administrators before and after: {before}")


@attack(
    "strapi-admin-preflight",
    "1",
    "Ask by preflight (OPTIONS) whether a foreign page may send to the administrator's routes with credentials",
    "no foreign origin is allowed, and none with credentials",
    quick=True,
)
async def admin_preflight(target: Target) -> Outcome:
    paths = ("/admin/register-admin", "/admin/login", "/admin/api-tokens", "/api/auth/local", "/api/products")
    return await _origins(target, "OPTIONS", paths)


@attack(
    "strapi-cors",
    "1",
    "Read and write the API from pages of eight foreign origins, with the read token in a header",
    "no answer names the foreign origin or `*` in Access-Control-Allow-Origin, and none allows credentials",
    quick=True,
)
async def cors(target: Target) -> Outcome:
    return await _origins(target, "GET", ("/api/products", "/api/stock-movements", "/api/events", "/_health"))


async def _origins(target: Target, method: str, paths: tuple[str, ...]) -> Outcome:
    breaches: list[str] = []
    asked = 0
    headers = {"Authorization": f"Bearer {target.stack.read_token}"} if method == "GET" else {}
    async with target.http(**headers) as client:
        for path in paths:
            for origin in _ORIGINS:
                sent = {"Origin": origin}
                if method == "OPTIONS":
                    sent |= {
                        "Access-Control-Request-Method": "POST",
                        "Access-Control-Request-Headers": "authorization,content-type",
                    }
                answer = await client.request(method, path, headers=sent)
                asked += 1
                allowed = answer.headers.get("access-control-allow-origin")
                credentials = answer.headers.get("access-control-allow-credentials")
                if allowed in {origin, "*"} or credentials == "true":
                    breaches.append(f"{method} {path} for {origin}: Allow-Origin {allowed}, credentials {credentials}")
    if breaches:
        return succeeded(f"{len(breaches)} of {asked} requests were allowed, as {breaches[0]}")
    return held(f"{asked} requests, none allowed")


@attack(
    "strapi-default-tokens",
    "1",
    "Look for API tokens that Strapi makes by itself, such as one with full access",
    "only our two tokens exist, each held to actions that it names",
    quick=True,
)
async def default_tokens(target: Target) -> Outcome:
    found = target.rows("SELECT name, type FROM strapi_api_tokens")
    ours = {"opsci bridge", "opsci frontends"}
    breaches = [f"token {name!r} of type {kind}" for name, kind in found if name not in ours or kind != "custom"]
    transfers = _count(target, "strapi_transfer_tokens")
    breaches += [f"{transfers} transfer tokens"] if transfers else []
    return judged(breaches, ", ".join(f"{name} ({kind})" for name, kind in found))


@attack(
    "strapi-takeover",
    "1",
    "What followed from it: make a full-access token, set a stock to 777777, delete a product and a row of the "
    "ledger, read the bridge's token in clear",
    "without an administrator's token each is refused, and the stock, the product and the ledger stay",
    quick=True,
)
async def takeover(target: Target) -> Outcome:
    product = await target.make_product(5)
    ledger = await _ledger_row(target, product["id"])
    _, token = await _register_admin(target, {"Origin": EVIL})
    token = token or target.loot.get("administrator", "")
    document = product["documentId"]
    wanted = {"name": "evil", "description": "", "type": "full-access", "lifespan": None, "permissions": None}
    manager = "/content-manager/collection-types/api::"
    statuses: list[str] = []
    async with target.http(Origin=EVIL, Authorization=f"Bearer {token or 'x'}") as admin:
        made = await admin.post("/admin/api-tokens", json=wanted)
        statuses.append(f"make a token {made.status_code}")
        key = made.json()["data"]["accessKey"] if made.is_success else ""
        listed = await admin.get("/admin/api-tokens")
        clear = False
        for one in listed.json()["data"] if listed.is_success else []:
            shown = await admin.get(f"/admin/api-tokens/{one['id']}")
            clear = clear or target.stack.bridge_token in shown.text
        statuses.append(f"list tokens {listed.status_code}")
        gone = await admin.delete(f"{manager}stock-movement.stock-movement/{ledger}")
        statuses.append(f"delete a ledger row {gone.status_code}")
    async with target.http(Authorization=f"Bearer {key or 'x'}") as full:
        changed = await full.put(f"/api/products/{document}", json={"data": {"stock_available": 777_777}})
        statuses.append(f"set the stock {changed.status_code}")
        stock = target.stock_of(product["id"])
        deleted = await full.delete(f"/api/products/{document}")
        statuses.append(f"delete the product {deleted.status_code}")
    breaches = [f"stock is {stock}"] if stock != 5 + 1 else []
    breaches += ["the product is gone"] if target.stock_of(product["id"]) is None else []
    breaches += ["a row of the ledger is gone"] if not _has_row(target, ledger) else []
    breaches += ["the bridge's token was read in clear"] if clear else []
    breaches += ["a full-access token was made"] if key else []
    return judged(breaches, f"no administrator's token; {', '.join(statuses)}; stock, product and ledger as before")


async def _ledger_row(target: Target, product: int) -> str:
    """Make the ledger record a movement, and return its document id."""
    movement = {"movement_id": f"attack-{secrets.token_hex(6)}", "product": str(product), "amount": 1, "type": "IN"}
    async with target.bridge() as client:
        # What the route wants is the engine's business: a row that an engine made before does as well.
        await client.post("/api/stock-movements/batch", json={"movements": [movement]})
    rows = target.rows(f"SELECT document_id FROM stock_movements WHERE product_id = {int(product)}")  # noqa: S608
    assert rows, "the ledger took no movement"
    return str(rows[0][0])


def _has_row(target: Target, document: str) -> bool:
    return any(row[0] == document for row in target.rows("SELECT document_id FROM stock_movements"))


@attack(
    "strapi-admin-routes",
    "1",
    "Ask for the administrator's other routes, where no panel is served: login, forgotten passwords, tokens, "
    "transfers, the content manager",
    "404 for /admin and whatever is under it; nothing but 401, 403, 404 or 405 elsewhere",
    quick=True,
)
async def admin_routes(target: Target) -> Outcome:
    breaches, statuses = [], []
    async with target.http(Origin=EVIL) as client:
        for method, path in _ADMIN_ROUTES:
            answer = await client.request(method, path, json={} if method == "POST" else None)
            statuses.append(answer.status_code)
            open_admin = path.startswith("/admin") and answer.status_code != 404
            if open_admin or answer.status_code not in _DOORS:
                breaches.append(f"{method} {path} {answer.status_code}")
    return judged(breaches, f"{len(_ADMIN_ROUTES)} routes: {_tally(statuses)}")


@attack(
    "strapi-existing-installation",
    "1",
    "Take an installation without an administrator, as older ones are, let it start again, and ask to be its "
    "first administrator",
    "no 2xx and no token: it has an administrator with a password that nobody knows before it listens",
    seconds=300,
)
async def existing_installation(target: Target) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="opsci-older-") as place:
        state = Path(place) / "state"

        def make_and_start_again() -> tuple[int, str, int]:
            with LocalStack(state, ports=random_ports(), servers=("strapi",), secure=target.is_secure):
                pass
            with closing(sqlite3.connect(state / "strapi" / "data.db")) as database:
                database.execute("PRAGMA foreign_keys = OFF")
                for table in ("admin_users_roles_lnk", "admin_users"):
                    database.execute(f"DELETE FROM {table}")  # noqa: S608 - our own tables
                database.commit()
            with LocalStack(state, ports=random_ports(), servers=("strapi",), secure=target.is_secure) as stack:
                older = Target(target.profile, stack, target.folder)
                answer, token = asyncio.run(_register_admin(older, {"Origin": EVIL}))
                return answer.status_code, token, _count(older, "admin_users")

        status, token, administrators = await asyncio.to_thread(make_and_start_again)
    seen = f"{status}; administrators after the start: {administrators}"
    return judged([seen] if token or status < 400 or not administrators else [], seen)


@attack(
    "strapi-public-registration",
    "1",
    "Register at /api/auth/local/register, and its siblings: log in, confirm an address, forgotten password, "
    "providers, the list of users and roles",
    "no account is made and no route answers 2xx",
    quick=True,
)
async def public_registration(target: Target) -> Outcome:
    before = _count(target, "up_users")
    person = _person()
    routes = (
        ("POST", "/api/auth/local/register"),
        ("POST", "/api/auth/local"),
        ("POST", "/api/auth/forgot-password"),
        ("POST", "/api/auth/reset-password"),
        ("POST", "/api/auth/send-email-confirmation"),
        ("POST", "/api/auth/change-password"),
        ("GET", "/api/auth/email-confirmation?confirmation=x"),
        ("GET", "/api/connect/github"),
        ("GET", "/api/auth/github/callback?access_token=x"),
        ("GET", "/api/users"),
        ("GET", "/api/users/me"),
        ("POST", "/api/users"),
        ("GET", "/api/users-permissions/roles"),
        ("POST", "/api/upload"),
        ("GET", "/api/upload/files"),
    )
    breaches, statuses = [], []
    async with target.http(Origin=EVIL) as client:
        for method, path in routes:
            names = ("identifier", "password") if path.endswith("/local") else ("username", "email", "password")
            given = {**person, "identifier": person["email"]}
            body = {name: given[name] for name in names} if method == "POST" else None
            answer = await client.request(method, path, json=body)
            statuses.append(answer.status_code)
            if answer.status_code < 400:
                breaches.append(f"{method} {path} {answer.status_code}")
    if made := _count(target, "up_users") - before:
        breaches.append(f"{made} new accounts")
    return judged(breaches, f"{len(routes)} routes: {_tally(statuses)}; no account was made")


@attack(
    "strapi-login-brute-force",
    "1",
    f"Guess passwords: {_TRIES} logins each at /admin/login and /api/auth/local, for one address",
    "the route does not exist, or it answers 429 before the guesses are through",
)
async def login_brute_force(target: Target) -> Outcome:
    breaches, seen = [], []
    for path, name in (("/admin/login", "email"), ("/api/auth/local", "identifier")):
        statuses = []
        async with target.http() as client:
            for number in range(_TRIES):
                body = {name: "admin@example.com", "password": f"Password{number}"}
                # As if each came from elsewhere: an address that a client may choose must not count.
                headers = {"X-Forwarded-For": f"10.0.0.{number}"}
                statuses.append((await client.post(path, json=body, headers=headers)).status_code)
        closed = set(statuses) <= {403, 404, 405}
        seen.append(f"{path}: {_tally(statuses)}")
        if not closed and 429 not in statuses:
            breaches.append(seen[-1])
    return judged(breaches, "; ".join(seen))


@attack(
    "strapi-without-a-right",
    "new",
    "Read, make, change and delete with no token, with a wrong one, with the read token, and beyond the rights of the "
    "bridge's token",
    "401, 403, 404 or 405, and the product and the ledger stay as they were",
    quick=True,
)
async def without_a_right(target: Target) -> Outcome:
    product = await target.make_product(5)
    ledger = await _ledger_row(target, product["id"])
    one, row = f"/api/products/{product['documentId']}", f"/api/stock-movements/{ledger}"
    changes = [
        ("POST", "/api/products", {"data": {"name": "evil", "stock_available": 1}}),
        ("PUT", one, {"data": {"stock_available": 777_777}}),
        ("DELETE", one, None),
        ("POST", "/api/stock-movements/batch", {"movements": []}),
        ("POST", "/api/events", {"data": {"value": "evil"}}),
        ("PUT", row, {"data": {"amount": 777}}),
        ("DELETE", row, None),
        ("POST", "/api/stock-movements", {"data": {"amount": 1}}),
    ]
    reads: list[tuple[str, str, Any]] = [("GET", "/api/products", None), ("GET", "/api/stock-movements", None)]
    beyond = [change for change in changes if change[0] == "DELETE" or "movements" in change[1]]
    beyond = [change for change in beyond if not change[1].endswith("batch")]
    tries = [("", changes + reads), ("Bearer wrong", changes + reads)]
    tries += [(f"Bearer {target.stack.read_token}", changes), (f"Bearer {target.stack.bridge_token}", beyond)]
    breaches, statuses = [], []
    for authorization, requests in tries:
        async with target.http(**({"Authorization": authorization} if authorization else {})) as client:
            for method, path, body in requests:
                answer = await client.request(method, path, json=body)
                statuses.append(answer.status_code)
                if answer.status_code not in _DOORS:
                    breaches.append(f"{method} {path.rpartition('/')[0]} {answer.status_code}")
    if (stock := target.stock_of(product["id"])) != 6:
        breaches.append(f"the stock is {stock}")
    return judged(breaches, f"{len(statuses)} requests: {_tally(statuses)}")


@attack(
    "strapi-private-fields",
    "new",
    "Find out private fields by filters, sorting and populating with the read token: the administrators' password "
    "hashes, letter by letter",
    "400, or an answer that is the same whether the guess is right or wrong",
    quick=True,
)
async def private_fields(target: Target) -> Outcome:
    await target.make_product(5)
    queries = [
        f"filters[{owner}][{field}][$startsWith]={{}}"
        for owner in ("createdBy", "updatedBy")
        for field in ("password", "email", "resetPasswordToken")
    ]
    breaches, statuses = [], []
    async with target.http(Authorization=f"Bearer {target.stack.read_token}") as client:
        for query in queries:
            pair = [await client.get(f"/api/products?{query.format(guess)}") for guess in ("$2", "zzz")]
            statuses += [answer.status_code for answer in pair]
            if all(answer.is_success for answer in pair) and pair[0].json()["data"] != pair[1].json()["data"]:
                breaches.append(query)
        for query in ("populate=createdBy", "populate=*", "sort=createdBy.password", "fields=createdBy"):
            answer = await client.get(f"/api/products?{query}")
            statuses.append(answer.status_code)
            if "password" in answer.text.lower().replace(query.lower(), "") and answer.is_success:
                breaches.append(query)
    return judged(breaches, f"{len(statuses)} requests: {_tally(statuses)}")


@attack(
    "strapi-large-body",
    "new",
    "Send bodies of 64 MB without a token, with and without their length",
    "refused, and Strapi grows by less than 100 MB and answers afterwards",
    quick=True,
)
async def large_body(target: Target) -> Outcome:
    processes = target.processes("strapi")
    before = resident(processes)
    chunk = b" " * 1_000_000

    async def stream() -> Any:
        for _ in range(64):
            yield chunk

    statuses = []
    async with target.http() as client:
        for content in (stream(), chunk * 64):
            try:
                answer = await client.post(
                    "/api/stock-movements/batch", content=content, headers={"Content-Type": "application/json"}
                )
                statuses.append(str(answer.status_code))
            except httpx.HTTPError as error:
                statuses.append(type(error).__name__)
        grown = resident(processes) - before
        healthy = (await client.get("/_health")).is_success
    breaches = [f"an answer {status}" for status in statuses if status.startswith("2")]
    breaches += [f"it grew by {grown:.0f} MB"] if grown > 100 else []
    breaches += [] if healthy else ["it does not answer afterwards"]
    return judged(breaches, f"{', '.join(statuses)}; it grew by {max(0, grown):.0f} MB and answers")


@attack(
    "strapi-page-as-form",
    "new",
    "A foreign page sends without a preflight, as a form does (`text/plain`), to the routes that change something",
    "no 2xx: nothing counts without a token in a header that a form cannot send",
    quick=True,
)
async def page_as_form(target: Target) -> Outcome:
    body = '{"data": {"name": "evil", "stock_available": 777777}}'
    seen, breaches = [], []
    for path in ("/api/products", "/api/stock-movements/batch", "/admin/register-admin", "/admin/login"):
        request = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: {EVIL}\r\nContent-Type: text/plain\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}"
        )
        status = (await get(target.strapi, request)).partition("\r\n")[0]
        seen.append(status.partition(" ")[2])
        if " 2" in status[:12]:
            breaches.append(f"{path}: {status}")
    return judged(breaches, ", ".join(seen))


def _count(target: Target, table: str) -> int:
    return int(target.rows(f"SELECT count(*) FROM {table}")[0][0])  # noqa: S608 - our own table's name


def _tally(statuses: list[int]) -> str:
    return ", ".join(f"{statuses.count(status)} x {status}" for status in sorted(set(statuses)))
