"""All HTTP servers except Strapi: the web page, the served screen, the engine's health and metrics."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.faults.attacks.attack import Outcome, attack, held, judged
from tests.faults.attacks.target import Program, descendants, free_ports, listens, resident, until
from tests.faults.attacks.wire import Door, HandshakeRefusedError, get, leave, upgrade

if TYPE_CHECKING:
    from tests.faults.attacks.target import Target

__all__ = ["EVIL_HOSTS", "SLOW", "ask", "by_foreign_host", "tally"]

SLOW: Final = 200
"""How many slow clients come at once."""

_THREADS: Final = 64
"""How many threads a server may have with them; the page's browser needs six connections."""

EVIL_HOSTS: Final = ("evil.example", "evil.example:{port}", "127.0.0.1.evil.example:{port}", "169.254.169.254", "")


def _page(target: Target) -> Door:
    return Door(target.stack.ports.web, websockets=False, tls=target.tls)


def _metrics(target: Target) -> Door:
    return Door(target.metrics_port, websockets=False, tls=None)


def _screen(target: Target) -> Door:
    return Door(target.screen_port, websockets=False, tls=None)


def _login(target: Target) -> str:
    """Return the header that logs in to the page, if it requires a login."""
    if not target.is_secure:
        return ""
    login = target.login("publisher")
    return f"Authorization: Basic {base64.b64encode(f'{login.user}:{login.password}'.encode()).decode()}\r\n"


async def ask(door: Door, path: str, host: str = "", headers: str = "", method: str = "GET") -> str:
    """Send a request and return the answer; without a host it names the door's own."""
    host = host or f"{door.host}:{door.port}"
    return await get(door, f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n{headers}Connection: close\r\n\r\n", 10)


def _status(answer: str) -> str:
    return answer.partition("\r\n")[0].partition(" ")[2][:3] or "closed"


async def by_foreign_host(
    door: Door, paths: tuple[str, ...], headers: str = "", hosts: tuple[str, ...] = EVIL_HOSTS
) -> tuple[list[str], list[str]]:
    """Send requests with foreign Host names; return the breaches and the observed statuses."""
    breaches, seen = [], []
    for path in paths:
        for host in hosts:
            named = host.format(port=door.port)
            request = f"GET {path} HTTP/1.1\r\nHost: {named}\r\n{headers}Connection: close\r\n\r\n"
            if not host:
                request = f"GET {path} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n"
            status = _status(await get(door, request, 10))
            seen.append(status)
            if status.startswith("2"):
                breaches.append(f"GET {path} with Host {named or 'left out'}: {status}")
    return breaches, seen


def tally(seen: list[str]) -> str:
    return ", ".join(f"{seen.count(word)} x {word}" for word in sorted(set(seen)))


@attack(
    "page-foreign-host",
    "7",
    "Read the web page's settings and products by a name that resolves to 127.0.0.1 (DNS rebinding), with the login",
    "no 2xx for a Host that is not loopback's",
    quick=True,
)
async def page_foreign_host(target: Target) -> Outcome:
    breaches, seen = await by_foreign_host(_page(target), ("/", "/config.json", "/products"), _login(target))
    own = _status(await ask(_page(target), "/config.json", headers=_login(target)))
    return judged(breaches, f"{tally(seen)}; by its own name {own}")


@attack(
    "page-foreign-frame",
    "7",
    "Put the web page into a frame of another site, load its scripts there, or read it from there",
    "`frame-ancestors 'none'`, `Cross-Origin-Resource-Policy: same-origin`, and no CORS header, on every answer",
    quick=True,
)
async def page_foreign_frame(target: Target) -> Outcome:
    breaches = []
    paths = ("/", "/config.json", "/products", "/app.js", "/nothing")
    for path in paths:
        head = (await ask(_page(target), path, headers=f"Origin: https://evil.example\r\n{_login(target)}")).lower()
        head = head.partition("\r\n\r\n")[0]
        missing = [
            wanted
            for wanted in ("frame-ancestors 'none'", "cross-origin-resource-policy: same-origin", "nosniff")
            if wanted not in head
        ]
        breaches += [f"{path} lacks {wanted}" for wanted in missing]
        breaches += [f"{path} has a CORS header"] if "access-control-allow" in head else []
    return judged(breaches, f"{len(paths)} answers, all with both headers and no CORS header")


@attack(
    "page-traversal",
    "new",
    "Ask the web page, the served screen and the metrics for files that are not theirs: `../`, encoded, absolute",
    "no file of the machine comes back",
    seconds=180,
)
async def page_traversal(target: Target) -> Outcome:
    await target.start_engine()
    await target.start_screen()
    paths = (
        "/../../../../etc/passwd",
        "/..%2f..%2f..%2fetc%2fpasswd",
        "/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/static/../../../../../../etc/passwd",
        "/static/..%2f..%2f..%2f..%2f..%2f..%2fetc/passwd",
        "//etc/passwd",
        "/static//etc/passwd",
        "/download/../../etc/passwd",
        "/....//....//etc/passwd",
        "file:///etc/passwd",
        "http://127.0.0.1/etc/passwd",
    )
    breaches, seen = [], []
    for name, door in (("the page", _page(target)), ("the screen", _screen(target)), ("metrics", _metrics(target))):
        for path in paths:
            answer = await ask(door, path, headers=_login(target) if name == "the page" else "")
            seen.append(_status(answer))
            if "root:" in answer:
                breaches.append(f"{name} gave {path}")
    return judged(breaches, tally(seen))


@attack(
    "page-login",
    "new",
    "Get past the web page's login: 40 guesses, other schemes, other users with right passwords, a header twice",
    "401 each time, without the password in the answer",
    profiles=("secured",),
    quick=True,
)
async def page_login(target: Target) -> Outcome:
    door = _page(target)
    password = target.login("publisher").password

    def basic(text: str) -> str:
        return f"Authorization: Basic {base64.b64encode(text.encode()).decode()}\r\n"

    tries = [basic(f"publisher:{word}{number}") for number in range(10) for word in ("", "opsci", "publisher", "123")]
    tries += [basic(f"object:{target.login('object').password}"), basic(f"engine:{target.login('engine').password}")]
    tries += [basic(f":{password}"), basic(password), f"Authorization: Bearer {password}\r\n", basic("publisher:")]
    tries += [basic("publisher:x") + "X-Forwarded-User: publisher\r\n", "Authorization: Basic !!!\r\n", ""]
    breaches, seen = [], []
    for number, headers in enumerate(tries):
        for path in ("/", "/config.json"):
            answer = await ask(door, path, headers=headers)
            seen.append(_status(answer))
            if _status(answer).startswith("2") or password in answer:
                breaches.append(f"try {number} on {path}: {_status(answer)}")
    return judged(breaches, tally(seen))


@attack(
    "page-odd-queries",
    "new",
    "Ask the page for products and verdicts with queries that are none: another order, private fields, Strapi's own "
    "parameters, ten thousand ids",
    "no private field and no error's insides come back, and the page answers afterwards",
    quick=True,
)
async def page_odd_queries(target: Target) -> Outcome:
    door, login = _page(target), _login(target)
    queries = (
        "/products?order=createdBy.password&after=0",
        "/products?order=id&after=0%26populate=*",
        "/products?after=-1&order=%00",
        "/products?after=0&order=id&filters[createdBy][email][$startsWith]=a",
        "/products?after=" + "9" * 400,
        "/verdicts?ids=x%26populate=*,y",
        "/verdicts?ids=" + ",".join(str(number) for number in range(10_000)),
        "/verdicts?ids=%F0%9F%98%80,%00,%0d%0aX-Evil:1",
        "/products?" + "a=1&" * 20_000,
    )
    breaches, seen = [], []
    for query in queries:
        answer = await ask(door, query, headers=login)
        seen.append(_status(answer))
        told = [
            word
            for word in ("password", "createdBy", "Traceback", "x-evil", target.stack.read_token)
            if word in answer.partition("\r\n\r\n")[2 if word != "x-evil" else 0]
        ]
        breaches += [f"{query[:60]}: {_status(answer)} with {', '.join(told)}"] if told else []
    after = _status(await ask(door, "/products", headers=login))
    breaches += [] if after == "200" else [f"afterwards it answers {after}"]
    return judged(breaches, f"{tally(seen)}; afterwards {after}")


@attack(
    "metrics-foreign-host",
    "5",
    "Read `/metrics`, `/readyz` and `/healthz` by a name that resolves to 127.0.0.1",
    "no 2xx for a Host that is not the engine's own",
)
async def metrics_foreign_host(target: Target) -> Outcome:
    await target.start_engine()
    door = _metrics(target)
    breaches, seen = await by_foreign_host(door, ("/metrics", "/readyz", "/healthz"))
    own = _status(await ask(door, "/metrics"))
    return judged(breaches, f"{tally(seen)}; by its own name {own}")


@attack(
    "metrics-methods",
    "new",
    "POST, PUT, DELETE, TRACE and CONNECT to health and metrics, with and without a body, from a foreign page",
    "nothing but 4xx and 5xx, and no CORS header",
)
async def metrics_methods(target: Target) -> Outcome:
    await target.start_engine()
    breaches, seen = [], []
    for method in ("POST", "PUT", "DELETE", "TRACE", "CONNECT", "PATCH", "OPTIONS"):
        answer = await ask(_metrics(target), "/metrics", headers="Origin: https://evil.example\r\n", method=method)
        seen.append(_status(answer))
        if _status(answer).startswith("2") or "access-control-allow" in answer.lower():
            breaches.append(f"{method}: {_status(answer)}")
    return judged(breaches, tally(seen))


@attack(
    "serve-foreign-frame",
    "5",
    "Put the page of `opsci-tui --serve` into a frame of another site, where a person clicks on what is not seen",
    "`frame-ancestors` or `X-Frame-Options` forbid it",
)
async def serve_foreign_frame(target: Target) -> Outcome:
    await target.start_screen()
    head = (await ask(_screen(target), "/")).partition("\r\n\r\n")[0].lower()
    policy = next((line for line in head.splitlines() if line.startswith("content-security-policy")), "")
    closed = "frame-ancestors 'none'" in policy or "frame-ancestors 'self'" in policy
    seen = policy or "no Content-Security-Policy"
    return judged([] if closed or "x-frame-options: deny" in head else [seen], seen)


@attack(
    "serve-foreign-page",
    "5",
    "Open the served screen, and a window's websocket, from another site: by Origin, by Host, and as `null`",
    "no 2xx, and no websocket",
)
async def serve_foreign_page(target: Target) -> Outcome:
    await target.start_screen()
    door = _screen(target)
    breaches, seen = await by_foreign_host(door, ("/",))
    own = f"127.0.0.1:{door.port}"
    pairs = [("https://evil.example", own), ("null", own), (f"http://evil.example:{door.port}", own)]
    pairs += [(f"http://{own}.evil.example", own), (f"http://evil.example:{door.port}", f"evil.example:{door.port}")]
    pairs += [(f"http://127.0.0.1:{target.stack.ports.web}", own), ("file://", own)]
    for origin, host in pairs:
        try:
            _, writer = await upgrade(door, origin, host, "/ws?width=80&height=24", "")
        except HandshakeRefusedError as error:
            seen.append(str(error).partition(" ")[2][:3])
        else:
            await leave(writer)
            breaches.append(f"a websocket for Origin {origin} with Host {host}")
    return judged(breaches, tally(seen))


@attack(
    "serve-password",
    "new",
    "Get past the password of a screen that is served on all addresses: without one, 60 guesses, another run's cookie, "
    "other schemes, and as a foreign page with the right one",
    "401, 403 or 429 for the page, its files and the websocket, no window's process, and the password in nobody's "
    "arguments, environment or log",
    seconds=120,
)
async def serve_password(target: Target) -> Outcome:
    (port,) = free_ports(1)
    screen = Program("open-screen", target.folder, ("-m", "tui", "--serve", f"0.0.0.0:{port}", *target.config))
    screen.start()
    try:
        await until(lambda: "password is " in screen.said() and listens(port), 60, "the screen is not served", 0.2)
        return await _past_password(Door(port, websockets=False, tls=None), screen)
    finally:
        screen.end()


async def _past_password(door: Door, screen: Program) -> Outcome:
    password = screen.said().partition("password is ")[2].partition(",")[0]

    def basic(word: str) -> str:
        return f"Authorization: Basic {base64.b64encode(f'opsci:{word}'.encode()).decode()}\r\n"

    upgrading = (
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    )
    doors = (("/", ""), ("/static/js/textual.js", ""), ("/ws?width=80&height=24", upgrading), ("/download/x", ""))
    tries = ["", f"Cookie: opsci-serve-{door.port}={'A' * 43}\r\n", f"Authorization: Bearer {password}\r\n"]
    tries += [basic(f"guess-{number}") for number in range(15)]
    tries += [f"Origin: http://evil.example\r\n{basic(password)}"]
    breaches, seen = [], []
    for headers in tries:
        for path, more in doors:
            status = _status(await ask(door, path, headers=headers + more))
            seen.append(status)
            breaches += [] if status in {"401", "403", "429"} else [f"{path} with {headers[:40]!r}: {status}"]
    shown = ""
    for pid in descendants([screen.pid]):
        shown += "".join(Path(f"/proc/{pid}/{name}").read_text() for name in ("cmdline", "environ"))
    breaches += ["the password is in arguments or environment"] if not password or password in shown else []
    breaches += ["a window was opened"] if "--window" in shown else []
    breaches += ["the log has the password again"] if screen.said().count(password) != 1 else []
    return judged(breaches, f"{tally(seen)}; the password was printed once and stands nowhere else")


@attack(
    "serve-huge-window",
    "5",
    "Open a window of the served screen with `/ws?width=999999999&height=99999999`, and with sizes that are none",
    "the server and its windows stay under 400 MB for ten seconds, and the page still answers",
)
async def serve_huge_window(target: Target) -> Outcome:
    await target.start_screen()
    door = _screen(target)
    origin = f"http://127.0.0.1:{door.port}"
    peak, seen = 0.0, []
    sizes = (("999999999", "99999999"), ("99999", "99999"), ("-5", "-5"), ("0", "0"), ("1e9", "x"), ("9" * 400, "1"))
    for width, height in sizes:
        try:
            _, writer = await upgrade(door, origin, None, f"/ws?width={width}&height={height}", "")
        except HandshakeRefusedError as error:
            seen.append(str(error).partition(" ")[2][:3] or str(error))
            continue
        seen.append("101")
        until = time.monotonic() + (10 if width == "999999999" else 3)
        while time.monotonic() < until:
            peak = max(peak, resident(descendants([target.screen.pid])))
            if peak > 3_000:
                break
            await asyncio.sleep(0.1)
        await leave(writer)
        await asyncio.sleep(1)
    page = _status(await ask(door, "/"))
    breaches = [f"{peak:.0f} MB"] if peak > 400 else []
    breaches += [] if page == "200" else [f"the page answers {page} afterwards"]
    if breaches:
        target.screen.end()
    return judged(breaches, f"{', '.join(seen)}; at most {peak:.0f} MB; the page answers {page} afterwards")


async def _slow(target: Target, name: str, door: Door, path: str, *, pids: set[int], headers: str = "") -> Outcome:
    """Open many slow connections, and check whether another client is still served, and with how many threads."""
    before = sum(_threads(pid) for pid in pids)
    writers: list[asyncio.StreamWriter] = []
    refused = 0
    begun = time.monotonic()
    try:
        for number in range(SLOW):
            try:
                # One half never even begins TLS where there is one; the other dribbles a header.
                tls = door.tls if number % 2 else None
                _, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", door.port, ssl=tls), 5)
            except (OSError, TimeoutError):
                refused += 1
                continue
            writers.append(writer)
            if tls or not door.tls:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{door.port}\r\nX-Slow: ".encode())
        for _ in range(4):
            for writer in writers:
                with contextlib.suppress(OSError):
                    writer.write(b"x")
            await asyncio.sleep(0.5)
        threads = sum(_threads(pid) for pid in pids)
        asked = time.monotonic()
        answer = _status(await ask(door, path, headers=headers))
        waited = time.monotonic() - asked
    finally:
        for writer in writers:
            writer.transport.abort()
    seen = (
        f"{len(writers)} slow clients in {time.monotonic() - begun:.0f} s, {refused} turned away; threads {before} to "
        f"{threads}; meanwhile another one got {answer} after {waited:.1f} s"
    )
    breaches = [f"{name}: {threads} threads"] if threads - before > _THREADS else []
    breaches += [f"{name}: another one got {answer} after {waited:.1f} s"] if answer[:1] not in "234" else []
    return judged([f"{'; '.join(breaches)} ({seen})"] if breaches else [], seen)


def _threads(pid: int) -> int:
    with contextlib.suppress(OSError):
        return len(list(Path(f"/proc/{pid}/task").iterdir()))
    return 0


_SLOW_WANTED: Final = f"at most {_THREADS} threads more, and another client is served meanwhile"


@attack("slow-clients-page", "5", f"{SLOW} slow clients at the web page", _SLOW_WANTED)
async def slow_page(target: Target) -> Outcome:
    return await _slow(target, "the page", _page(target), "/", pids=target.processes("web"), headers=_login(target))


@attack("slow-clients-metrics", "5", f"{SLOW} slow clients at health and metrics", _SLOW_WANTED)
async def slow_metrics(target: Target) -> Outcome:
    await target.start_engine()
    return await _slow(target, "metrics", _metrics(target), "/metrics", pids={target.engine.pid})


@attack("slow-clients-serve", "5", f"{SLOW} slow clients at the served screen", _SLOW_WANTED)
async def slow_serve(target: Target) -> Outcome:
    await target.start_screen()
    return await _slow(target, "the screen", _screen(target), "/", pids={target.screen.pid})


@attack("slow-clients-strapi", "5", f"{SLOW} slow clients at Strapi", _SLOW_WANTED)
async def slow_strapi(target: Target) -> Outcome:
    return await _slow(target, "Strapi", target.strapi, "/_health", pids=target.processes("strapi"))


@attack(
    "slow-clients-websockets",
    "5",
    f"{SLOW} slow clients at each listener for MQTT over websockets, in the middle of their handshakes",
    f"at most {_THREADS} threads more, and a page gets its websocket meanwhile",
)
async def slow_websockets(target: Target) -> Outcome:
    outcomes = []
    for door in [door for door in await target.doors() if door.websockets]:
        writers = []
        pids = target.processes()
        before = sum(_threads(pid) for pid in pids)
        try:
            for _ in range(SLOW):
                with contextlib.suppress(OSError, TimeoutError):
                    _, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", door.port), 5)
                    writers.append(writer)
                    if door.tls is None:
                        writer.write(b"GET /mqtt HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
            await asyncio.sleep(1)
            more = sum(_threads(pid) for pid in pids) - before
            asked = time.monotonic()
            try:
                _, opened = await upgrade(door, target.stack.addresses.web)
                await leave(opened)
                word = f"opened after {time.monotonic() - asked:.1f} s"
            except (OSError, TimeoutError) as error:
                word = f"NOT OPENED: {error}"
        finally:
            for writer in writers:
                writer.transport.abort()
        outcomes.append((more, f"{door}: {len(writers)} slow, {more} threads more, a page's websocket {word}"))
    breaches = [text for more, text in outcomes if more > _THREADS or "NOT OPENED" in text]
    return judged(breaches, "; ".join(text for _, text in outcomes))


@attack(
    "http-broken-requests",
    "new",
    "Send the web page, the screen, metrics and Strapi requests that are none: a header of 1 MB, 10,000 headers, two "
    "lengths, a length and chunks, bare line ends, random bytes",
    "each server answers afterwards, and a second request that is hidden in the first is not answered",
    seconds=240,
)
async def broken_requests(target: Target) -> Outcome:
    await target.start_engine()
    await target.start_screen()
    doors = {
        "the page": (_page(target), "/"),
        "the screen": (_screen(target), "/"),
        "metrics": (_metrics(target), "/healthz"),
        "Strapi": (target.strapi, "/_health"),
    }
    hidden = "GET /hidden-in-another HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    breaches, sent = [], 0
    for name, (door, path) in doors.items():
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{door.port}\r\n{_login(target) if door.tls else ''}"
        requests = (
            f"{head}X: {'a' * 1_000_000}\r\n\r\n",
            head + "".join(f"X{number}: a\r\n" for number in range(10_000)) + "\r\n",
            f"{head}Content-Length: 0\r\nContent-Length: {len(hidden)}\r\n\r\n{hidden}",
            f"{head}Content-Length: {len(hidden)}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}",
            f"{head}Content-Length: -1\r\n\r\n",
            f"{head}Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n",
            f"GET {path} HTTP/9.9\r\n\r\n",
            f"{'A' * 200_000} {path} HTTP/1.1\r\n\r\n",
            os.urandom(2_000).decode("latin-1"),
            "\n\n\n\r\r\r\0\0\0",
        )
        for request in requests:
            sent += 1
            with contextlib.suppress(OSError, TimeoutError):
                answer = await get(door, request, 1, whole=False)
                if "hidden-in-another" not in request:
                    continue
                # One answer to the outer one, or a refusal; a second answer would be to what was hidden in it.
                if answer.count("HTTP/1.") > 1 and "Content-Length: 0\r\n" in request:
                    breaches.append(f"{name} answered a hidden request")
        status = _status(await ask(door, path, headers=_login(target) if name == "the page" else ""))
        breaches += [] if status[:1] == "2" else [f"{name} answers {status} afterwards"]
    return judged(breaches, f"{sent} requests; the four servers answer afterwards") if sent else held("")
