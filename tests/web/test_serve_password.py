"""The screen served beyond loopback: nothing without the password, by any route, and no leak of the password."""

from __future__ import annotations

import asyncio
import base64
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import pytest

from tests.web.serving import AWAY, LISTEN, Served

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.web.browser import Browser

EVERYWHERE = "0.0.0.0:"
"""All addresses of this machine; the tests call it by loopback's, from which it asks for the password as well."""

PATHS = ("/", "/ws", "/ws?width=80&height=24", "/static/js/textual.js", "/static/css/xterm.css", "/download/x", "/none")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    running = Served(tmp_path, host=EVERYWHERE, arguments=())
    yield running
    running.close()


def password_of(served: Served) -> str:
    return served.said[1].partition("password is ")[2].partition(",")[0]


def basic(password: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'anyone:{password}'.encode()).decode()}"}


def shown_by(pid: int) -> str:
    """The arguments and the environment of a process."""
    return "".join(Path(f"/proc/{pid}/{name}").read_text() for name in ("cmdline", "environ"))


def test_the_start_says_where_with_what_and_how_to_end_it(served: Served) -> None:
    assert f":{served.port}; Ctrl-C ends it" in served.said[0]
    assert EVERYWHERE not in served.said[0]
    assert len(password_of(served)) == 14
    assert "nothing is encrypted" in served.said[2]
    assert "its windows only look" in served.said[3]
    assert served.press_ctrl_c() == 0
    assert served.process.stdout
    # Printed once, and in no file.
    assert password_of(served) not in served.process.stdout.read()


async def test_without_the_password_every_door_is_shut(served: Served) -> None:
    wrong = basic("wrong-word")
    async with aiohttp.ClientSession(served.address) as client:
        for path in PATHS:
            for login in ({}, wrong) if path in {"/", "/ws"} else ({},):
                async with client.get(path, headers=login) as answer:
                    assert answer.status == 401, path
                    assert answer.headers["WWW-Authenticate"].startswith("Basic ")
                    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
                    assert "Set-Cookie" not in answer.headers
        for headers in ({}, {"Cookie": f"opsci-serve-{served.port}=guess"}, {"Origin": served.address}):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await client.ws_connect("/ws", headers=headers)
            assert refused.value.status == 401
        # The password does not make a foreign page this one.
        right = basic(password_of(served))
        for headers in ({"Origin": "http://evil.example"}, {"Host": f"evil.example:{served.port}"}):
            for path in ("/", "/ws"):
                async with client.get(path, headers=right | headers) as answer:
                    assert answer.status == 403
        assert served.windows() == []
    assert await asyncio.to_thread(served.press_ctrl_c) == 0


async def test_the_password_opens_every_door_and_its_cookie_too(served: Served) -> None:
    right = basic(password_of(served))
    # By default no cookie of an address is kept.
    async with aiohttp.ClientSession(served.address, cookie_jar=aiohttp.CookieJar(unsafe=True)) as client:
        async with client.get("/", headers=right) as answer:
            assert answer.status == 200
            cookie = answer.headers["Set-Cookie"]
            assert "HttpOnly" in cookie
            assert "SameSite=Strict" in cookie
            assert password_of(served) not in cookie
        async with client.get("/static/js/textual.js") as answer:
            assert answer.status == 200
        async with client.ws_connect("/ws", origin=served.address) as window:
            while (await window.receive(60)).type is not aiohttp.WSMsgType.BINARY:
                pass
            # What other users of the machine can see of a process, and what a window could give away.
            for pid in (served.process.pid, *served.windows()):
                assert password_of(served) not in shown_by(pid)
    async with aiohttp.ClientSession(served.address) as client, client.ws_connect("/ws", headers=right) as window:
        while (await window.receive(60)).type is not aiohttp.WSMsgType.BINARY:
            pass
    assert await asyncio.to_thread(served.press_ctrl_c) == 0
    assert served.process.stdout
    assert password_of(served) not in served.process.stdout.read()


async def test_wrong_tries_are_slowed_down_and_who_is_in_stays(served: Served) -> None:
    right, wrong = (basic(word) for word in (password_of(served), "wrong-word"))
    async with (
        aiohttp.ClientSession(served.address, cookie_jar=aiohttp.CookieJar(unsafe=True)) as guest,
        aiohttp.ClientSession(served.address) as stranger,
    ):
        async with guest.get("/", headers=right) as answer:
            assert answer.status == 200
        statuses = []
        for _ in range(40):
            async with stranger.get("/", headers=wrong) as answer:
                statuses.append(answer.status)
        assert statuses[:5] == [401] * 5
        assert statuses.count(429) > 25
        async with guest.get("/") as answer:
            assert answer.status == 200

        # It says for how long, and the right password is let in after that.
        for _ in range(3):
            async with stranger.get("/", headers=right) as answer:
                if answer.status == 200:
                    break
            await asyncio.sleep(int(answer.headers["Retry-After"]))
        assert answer.status == 200
    assert await asyncio.to_thread(served.press_ctrl_c) == 0


@pytest.mark.timeout(600)
async def test_a_browser_that_knows_the_password_gets_its_window(served: Served, browser: Browser) -> None:
    await asyncio.to_thread(browser.open, served.address)
    assert "textual-terminal" not in browser._driver.page_source
    browser._driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": LISTEN})
    known = served.address.replace("//", f"//anyone:{password_of(served)}@")
    await asyncio.to_thread(browser.open, known)
    await browser.until(lambda: "Move stock" in str(browser.run("return window.seen")), 60)
    assert password_of(served) not in str(browser.run("return window.asked"))
    assert await asyncio.to_thread(served.press_ctrl_c) == 0


async def test_a_password_of_ones_own_is_not_printed(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("a long enough word\n")
    file.chmod(0o600)
    served = Served(tmp_path, f'{AWAY}\n[screen]\nserve_password_file = "{file}"\n', host=EVERYWHERE)
    try:
        assert f"the one in {file}" in served.said[1]
        assert "whoever has the password drives the chain" in served.said[3]
        async with aiohttp.ClientSession(served.address) as client:
            for word, status in (("a long enough wor", 401), ("a long enough word", 200)):
                async with client.get("/", headers=basic(word)) as answer:
                    assert answer.status == status
        assert await asyncio.to_thread(served.press_ctrl_c) == 0
        assert served.process.stdout
        assert "a long enough word" not in "".join(served.said) + served.process.stdout.read()
    finally:
        served.close()


def test_a_short_password_and_a_missing_file_are_said_at_once(tmp_path: Path) -> None:
    file = tmp_path / "password"
    settings = tmp_path / "opsci.toml"
    settings.write_text(f'[screen]\nserve_password_file = "{file}"\n')
    for content, said in ((None, "No such file"), ("short", "too short")):
        if content is not None:
            file.write_text(content)
        done = subprocess.run(
            [sys.executable, "-m", "tui", "--serve", "0.0.0.0:65000", "--config", str(settings)],
            check=False,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            env=os.environ | {"XDG_STATE_HOME": str(tmp_path), "TMPDIR": str(tmp_path)},
        )
        assert done.returncode == 2
        assert f"screen.serve_password_file: {file}" in done.stderr.replace("the password in ", "")
        assert said in done.stderr
        assert "Traceback" not in done.stderr
