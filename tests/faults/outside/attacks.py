"""Attacks by a stranger who has read the README and can reach the ports."""

from __future__ import annotations

import base64
import contextlib
import os
import socket
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from tests.faults.outside.chain import peak_memory, wait_until

if TYPE_CHECKING:
    from tests.faults.outside.chain import Chain

__all__ = ["ATTACKS"]

_EVIL: Final = "https://evil.example"
_LARGE: Final = 900_000
_LARGE_COUNT: Final = 400
_ENGINE_BOUND: Final = 450.0
_BROKER_BOUND: Final = 600.0
_SLOW: Final = 200
_ANSWERS: Final = (200, 401)
"""What the page answers a good client, the second where it asks for the login of the secured profile."""


def becomes_administrator(chain: Chain) -> str:
    """Register as Strapi's administrator, from a foreign page."""
    body = {"email": "e@evil.example", "password": "Evil12345678", "firstname": "e", "lastname": "e"}
    wrong = []
    for path in ("/admin/register-admin", "/admin//register-admin", "/Admin/register-admin", "/%61dmin/register-admin"):
        answer = chain.ask(chain.info["strapi"] + path, "POST", body, {"Origin": _EVIL})
        if answer.status < 400:
            wrong.append(f"{path} answers {answer.status}")
        if "access-control-allow-origin" in answer.headers:
            wrong.append(f"{path} allows {answer.headers['access-control-allow-origin']}")
    return "; ".join(wrong)


def finds_an_open_route(chain: Chain) -> str:
    """Try admin routes, registration and the API without a token."""
    wrong = []
    for method, path, body in (
        ("GET", "/admin/init", None),
        ("POST", "/admin/login", {"email": "a@b.c", "password": "x"}),
        ("POST", "/admin/forgot-password", {"email": "a@b.c"}),
        ("GET", "/admin/api-tokens", None),
        ("GET", "/content-manager/content-types", None),
        ("GET", "/content-type-builder/content-types", None),
        ("GET", "/users-permissions/roles", None),
        ("GET", "/upload/files", None),
        ("POST", "/api/auth/local/register", {"username": "e", "email": "e@evil.example", "password": "Evil12345678"}),
        ("POST", "/api/auth/local", {"identifier": "e", "password": "e"}),
        ("GET", "/api/products", None),
        ("GET", "/api/users", None),
        ("GET", "/api/stock-movements", None),
        ("DELETE", "/api/products/1", None),
    ):
        answer = chain.ask(chain.info["strapi"] + path, method, body)
        if answer.status < 400:
            wrong.append(f"{method} {path} answers {answer.status}")
        elif not path.startswith("/api/") and answer.status != 404:
            wrong.append(f"{method} {path} is there: {answer.status}")
    return "; ".join(wrong)


def reads_from_a_foreign_page(chain: Chain) -> str:
    """Test Strapi's CORS: foreign origins refused, the course's frontend on localhost allowed, no credentials."""
    token = Path(chain.info["strapi_read_token_file"]).read_text().strip()
    wrong = []
    for origin, allowed in (
        (_EVIL, False),
        ("null", False),
        ("http://localhost.evil.example", False),
        ("http://localhost:5173", True),
    ):
        headers = {"Origin": origin, "Authorization": f"Bearer {token}"}
        answer = chain.ask(chain.info["strapi"] + "/api/products", headers=headers)
        found = answer.headers.get("access-control-allow-origin", "")
        if allowed != (found == origin) or found == "*":
            wrong.append(f"origin {origin}: {found or 'nothing'} is allowed")
        if not allowed and answer.headers.get("access-control-allow-credentials") == "true":
            wrong.append(f"origin {origin}: credentials are allowed")
    return "; ".join(wrong)


def takes_over_the_engines_session(chain: Chain) -> str:
    """Connect under the engine's client id while 100 movements wait for it."""
    product = chain.product(0)
    engine = chain.engine()
    wait_until(engine.is_ready, 60, "the engine is ready")
    engine.end()
    took = chain.publish([b'{"id":%d,"amount":1,"type":"IN"}' % product] * 100)
    guesses = ["opsci-bridge", "opsci", "engine", "bridge", "opsci-tui"]
    if chain.secure:
        guesses.append(chain.settings["mqtt"].get("client_id", ""))
    for user in ("object", "publisher") if chain.secure else ("",):
        for websockets in (False, True):
            for guess in filter(None, guesses):
                with contextlib.suppress(OSError, ValueError):
                    stranger = chain.client(guess, user=user, websockets=websockets)
                    time.sleep(0.2)
                    stranger.disconnect()
                    stranger.loop_stop()
    engine = chain.engine()
    wrong = chain.settles(product, took, 40)
    engine.end()
    return wrong


def opens_a_websocket_from_a_foreign_page(chain: Chain) -> str:
    """Try the handshake of a browser on a foreign page with each listener of the broker."""
    wrong = []
    for name in ("mqtt_ws", "mqtt_tcp"):
        for origin, host, allowed in (
            (_EVIL, "", False),
            ("null", "", False),
            ("", "evil.example", False),
            ("", "", name == "mqtt_ws"),
        ):
            said = _handshake(chain, chain.info[name], origin, host)
            if (b" 101 " in said.split(b"\r\n")[0]) != allowed:
                wrong.append(f"{name}, origin {origin or 'none'}, host {host or 'ours'}: {said[:40]!r}")
    return "; ".join(wrong)


def _handshake(chain: Chain, address: str, origin: str, host: str) -> bytes:
    parts = urlsplit(address)
    lines = [
        "GET / HTTP/1.1",
        f"Host: {host or parts.netloc}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: mqtt",
    ]
    if origin:
        lines.append(f"Origin: {origin}")
    with contextlib.suppress(OSError), _connected(chain, address) as connection:
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        return connection.recv(1000)
    return b""


def _connected(chain: Chain, address: str) -> socket.socket:
    parts = urlsplit(address)
    plain = socket.create_connection((parts.hostname or "", parts.port or 0), timeout=5)
    trust = chain.trust()
    return trust.wrap_socket(plain, server_hostname=parts.hostname) if trust else plain


def sends_very_large_messages(chain: Chain) -> str:
    """Send messages of 900 KB while Kafka is down: memory stays bounded, and the chain works afterwards."""
    product = chain.product(0)
    engine = chain.engine()
    chain.stop("kafka")
    payload = b'{"id":%d,"amount":1,"type":"IN","note":"%s"}' % (product, b"x" * _LARGE)
    with contextlib.suppress(OSError, ValueError):
        chain.publish([payload] * _LARGE_COUNT, seconds=60)
    time.sleep(3)
    broker, ours = peak_memory(chain.pid("mosquitto")), engine.memory()
    chain.start("kafka")
    other = chain.product(0)
    took = chain.publish([b'{"id":%d,"amount":1,"type":"IN"}' % other] * 10)
    wrong = [chain.settles(other, took, 180)]
    if broker > _BROKER_BOUND:
        wrong.append(f"the broker has {broker:.0f} MB")
    if ours > _ENGINE_BOUND:
        wrong.append(f"the engine has {ours:.0f} MB")
    engine.end()
    return "; ".join(filter(None, wrong))


def fills_the_caches(chain: Chain) -> str:
    """Send 30,000 unknown ids of 245 characters: memory stays bounded."""
    engine = chain.engine()
    chain.publish([b'{"id":"%s","amount":1,"type":"IN"}' % (b"%06d" % n).ljust(245, b"x") for n in range(30_000)])
    product = chain.product(0)
    took = chain.publish([b'{"id":%d,"amount":1,"type":"IN"}' % product])
    wrong = chain.settles(product, took, 240)
    ours = engine.memory()
    engine.end()
    return wrong or (f"the engine has {ours:.0f} MB" if ours > _ENGINE_BOUND / 2 else "")


def asks_under_a_foreign_name(chain: Chain) -> str:
    """Test DNS rebinding (a foreign Host at the web page and at the engine's metrics) and framing of the page."""
    engine = chain.engine()
    wrong = []
    for address, path in ((chain.info["web"], "/"), (f"http://127.0.0.1:{engine.port}", "/metrics")):
        if (answer := chain.ask(address + path, headers={"Host": "evil.example"})).status == 200:
            wrong.append(f"{address}{path} answers {answer.status} to a foreign Host")
    page = chain.ask(chain.info["web"] + "/")
    if "frame-ancestors 'none'" not in page.headers.get("content-security-policy", ""):
        wrong.append("the page may be framed")
    engine.end()
    return "; ".join(wrong)


def holds_connections(chain: Chain) -> str:
    """Open 200 connections that never finish their request, at the web page and at the engine's metrics."""
    engine = chain.engine()
    wrong = []
    for address, path in ((chain.info["web"], "/"), (f"http://127.0.0.1:{engine.port}", "/metrics")):
        parts = urlsplit(address)
        held = []
        for _ in range(_SLOW):
            with contextlib.suppress(OSError):
                one = socket.create_connection((parts.hostname or "", parts.port or 0), timeout=2)
                one.sendall(b"GET / HTTP/1.1\r\nX-Slow: ")
                held.append(one)
        with contextlib.suppress(TimeoutError):
            wait_until(lambda: chain.ask(address + path).status in _ANSWERS, 60, "an answer")  # noqa: B023
        if chain.ask(address + path).status not in _ANSWERS:
            wrong.append(f"{address} answers nobody else")
        pid = engine.process.pid if path == "/metrics" else chain.pid("web")
        threads = len(list(Path(f"/proc/{pid}/task").iterdir()))
        if threads > _SLOW / 2:
            wrong.append(f"{address} has {threads} threads")
        for one in held:
            one.close()
    engine.end()
    return "; ".join(wrong)


def reads_what_lies_open(chain: Chain) -> str:
    """Check what another user of the machine can read: the state folder, arguments of processes."""
    wrong = []
    chain.command("down")
    chain.state.chmod(0o755)
    chain.command("up")
    chain.look()
    if stat.S_IMODE(chain.state.stat().st_mode) & 0o077:
        wrong.append(f"the state folder has mode {stat.S_IMODE(chain.state.stat().st_mode):o}")
    secrets = [Path(chain.info[name]).read_text().strip() for name in ("strapi_token_file", "strapi_read_token_file")]
    secrets += [file.read_text().strip() for file in (chain.state / "secure" / "passwords").glob("*")]
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            arguments = process.read_bytes().decode(errors="replace")
            wrong += [f"a secret stands in the arguments of {arguments[:60]!r}" for one in secrets if one in arguments]
    return "; ".join(wrong)


ATTACKS: Final = (
    becomes_administrator,
    finds_an_open_route,
    reads_from_a_foreign_page,
    takes_over_the_engines_session,
    opens_a_websocket_from_a_foreign_page,
    sends_very_large_messages,
    fills_the_caches,
    asks_under_a_foreign_name,
    holds_connections,
    reads_what_lies_open,
)
