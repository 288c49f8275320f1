"""The screen in a real browser: painted, used by keys, one window at a time, and cleaned up afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import pytest
from selenium.webdriver.common.keys import Keys

from tests.chain.lane import until
from tests.web.serving import LISTEN, Served

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.web.browser import Browser


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    running = Served(tmp_path)
    yield running
    running.close()


def resident(pid: int) -> int:
    """The resident memory of a process in bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def environ_of(pid: int) -> set[str]:
    return set(Path(f"/proc/{pid}/environ").read_text().split("\0"))


def open_files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def paints(browser: Browser) -> str:
    """Everything that the terminal in the page was told to paint."""
    return str(browser.run("return window.seen"))


@pytest.mark.timeout(600)
async def test_the_screen_is_painted_and_driven_in_a_browser(served: Served, browser: Browser) -> None:
    assert f"http://127.0.0.1:{served.port}" in served.said[0]
    assert "drives the chain" in served.said[1]
    browser._driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": LISTEN})
    await asyncio.to_thread(browser.open, served.address)
    for text in ("MQTT", "Kafka", "Strapi", "Move stock"):
        await browser.until(lambda text=text: text in paints(browser), 60)  # type: ignore[misc]
    assert "-first-byte" in browser.run("return document.body.className")
    assert browser.run("return document.querySelector('.xterm-text-layer').width > 400")
    assert "Security" not in "".join(browser.complaints())
    browser.find("textarea").send_keys("s")
    await browser.until(lambda: "Advanced" in paints(browser))
    browser.find("textarea").send_keys(Keys.ESCAPE)
    first = browser._driver.current_window_handle
    browser._driver.switch_to.new_window("tab")
    browser._driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": LISTEN})
    await asyncio.to_thread(browser.open, served.address)
    await browser.until(lambda: "another window has this chain" in paints(browser))
    assert "MQTT does not answer" not in paints(browser)
    browser._driver.switch_to.window(first)
    browser._driver.close()
    browser._driver.switch_to.window(browser._driver.window_handles[0])
    await browser.until(lambda: "MQTT does not answer" in paints(browser))
    assert await asyncio.to_thread(served.press_ctrl_c) == 0
    await browser.sees("#ended", "This window has ended")
    assert served.left_behind() == []


def test_only_its_own_page_may_connect(served: Served) -> None:
    for path, header in (("/ws", {"Origin": "http://evil.example"}), ("/", {"Host": f"evil.example:{served.port}"})):
        asking = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
        asking.request("GET", path, headers=header)
        assert asking.getresponse().status == 403
        asking.close()
    assert served.press_ctrl_c() == 0


async def test_nothing_that_a_page_says_takes_more_than_a_screen(served: Served) -> None:
    async with aiohttp.ClientSession(served.address) as client:
        for path in ("/", "/static/js/textual.js", "/nothing", "/download/x", "/ws"):
            async with client.get(path) as answer:
                assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"], path
                assert answer.headers["X-Frame-Options"] == "DENY"
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
        for asked in ("width=-1", "width=1e9", "height=", "width=%D9%A3", "width=" + "9" * 5000):
            async with client.get(f"/ws?{asked}") as answer:
                assert answer.status == 400
        async with client.ws_connect("/ws?width=999999999&height=99999999") as window:
            await window.send_json(["resize", {"width": 10**30, "height": -5}])
            while (await window.receive(60)).type is not aiohttp.WSMsgType.BINARY:
                pass
            (child,) = served.windows()
            assert {"COLUMNS=500", "ROWS=200"} <= environ_of(child)
            assert resident(child) < 250_000_000
            assert resident(served.process.pid) < 150_000_000
    assert await asyncio.to_thread(served.press_ctrl_c) == 0


async def test_what_no_page_of_ours_says_ends_its_window_alone(served: Served) -> None:
    async with aiohttp.ClientSession(served.address) as client, client.ws_connect("/ws") as good:
        for sent in ("{", '["resize",{"width":1.5,"height":2}]', b"binary", "x" * 2_000_000):
            async with client.ws_connect("/ws") as window:
                await (window.send_bytes(sent) if isinstance(sent, bytes) else window.send_str(sent))
                while not (message := await window.receive(60)).type & aiohttp.WSMsgType.CLOSE:
                    pass
                assert window.close_code in {1008, 1009}, (sent[:20], message)
        await good.send_json(["ping", "still here"])
        while (message := await good.receive(60)).type is not aiohttp.WSMsgType.TEXT:
            pass
        assert message.json() == ["pong", "still here"]
    assert await asyncio.to_thread(served.press_ctrl_c) == 0
    assert served.left_behind() == []


@pytest.fixture
def looked_at(tmp_path: Path) -> Iterator[Served]:
    """A read-only server, with at most eight windows."""
    running = Served(tmp_path, arguments=("--windows", "8"))
    yield running
    running.close()


async def test_many_windows_and_slow_clients_leave_room_for_a_good_one(looked_at: Served) -> None:
    served = looked_at
    assert "only look" in served.said[1]
    async with contextlib.AsyncExitStack() as opened:
        client = await opened.enter_async_context(aiohttp.ClientSession(served.address))
        for _ in range(8):
            await opened.enter_async_context(client.ws_connect("/ws"))
        async with client.get("/ws") as answer:
            assert answer.status == 503
        for number in range(300):
            slow = opened.enter_context(socket.create_connection(("127.0.0.1", served.port), 10))
            slow.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1" if number % 2 else b"")
        async with client.get("/") as answer:
            assert "textual-terminal" in await answer.text()
        # Those that are too many are closed within a second; by its own slowness none would be closed before 15 s.
        await until(lambda: open_files(served.process.pid) < 150, 12)
        assert resident(served.process.pid) < 150_000_000
    assert await asyncio.to_thread(served.press_ctrl_c) == 0


def test_it_listens_on_loopback_and_a_taken_port_is_said(served: Served, tmp_path: Path) -> None:
    listening = subprocess.run(["ss", "-Hltn", f"sport = :{served.port}"], check=True, capture_output=True, text=True)
    assert [line.split()[3] for line in listening.stdout.splitlines()] == [f"127.0.0.1:{served.port}"]
    second = subprocess.run(
        [sys.executable, "-m", "tui", "--serve", str(served.port), "--config", str(tmp_path / "opsci.toml")],
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert second.returncode == 1
    assert f"port {served.port} of 127.0.0.1 can't be used" in second.stderr
    assert "Traceback" not in second.stderr


def test_wrong_settings_and_a_missing_package_are_said_at_once(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("drain = 0\n")
    hidden = "import sys; sys.modules['textual_serve.server'] = None; from tui.cli import main; sys.exit(main())"
    for code, arguments, status, said in (
        ("from tui.cli import main; import sys; sys.exit(main())", ["--config", str(wrong)], 2, "drain: found 0"),
        (hidden, [], 1, "pip install"),
        ("from tui.cli import main; import sys; sys.exit(main())", ["--serve", "x"], 2, "is no port"),
    ):
        done = subprocess.run(
            [sys.executable, "-c", code, "--serve", *arguments],
            check=False,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            env=os.environ | {"OPSCI_STATE": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), "TMPDIR": str(tmp_path)},
        )
        assert done.returncode == status
        assert said in done.stderr
        assert "Traceback" not in done.stderr
