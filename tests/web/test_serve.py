"""The screen in a real browser: painted, driven by keys, one window at a time, and gone without a trace."""

from __future__ import annotations

import asyncio
import http.client
import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from selenium.webdriver.common.keys import Keys

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.web.browser import Browser

AWAY = """
drain = 1
[mqtt]
url = "mqtt://127.0.0.1:9"
[kafka]
brokers = ["127.0.0.1:9"]
[strapi]
url = "http://127.0.0.1:9"
"""

LISTEN = """
window.seen = "";
const Real = WebSocket;
window.WebSocket = class extends Real {
  constructor(...rest) {
    super(...rest);
    this.addEventListener("message", async (event) => {
      const bytes = event.data instanceof Blob ? await event.data.arrayBuffer() : event.data;
      window.seen += typeof bytes === "string" ? bytes : new TextDecoder().decode(bytes);
    });
  }
};
"""


class Served:
    """`opsci-tui --serve` in a process group of its own, as a terminal starts it."""

    def __init__(self, tmp_path: Path, *arguments: str) -> None:
        self._folder = tmp_path
        settings = tmp_path / "opsci.toml"
        settings.write_text(AWAY)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        environment = os.environ | {"TMPDIR": str(tmp_path), "XDG_STATE_HOME": str(tmp_path), "LANG": "C"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tui", "--serve", str(self.port), "--config", str(settings), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
            start_new_session=True,
        )
        assert self.process.stdout
        self.said = [self.process.stdout.readline(), self.process.stdout.readline()]

    def press_ctrl_c(self) -> int:
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(60)

    def left_behind(self) -> list[str]:
        """The processes of the group that live, and the files that say whose turn it is."""
        listed = subprocess.run(
            ["ps", "-o", "stat=,args=", "--no-headers", "-g", str(self.process.pid)],
            check=False,
            capture_output=True,
            text=True,
        )
        # One that has ended stays listed until the machine's first process takes its ending in.
        living = [line for line in listed.stdout.splitlines() if not line.startswith("Z")]
        return [*living, *(str(path) for path in self._folder.glob("opsci-turn-*"))]

    def close(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        assert self.process.stdout
        self.process.stdout.close()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    running = Served(tmp_path)
    yield running
    running.close()


def paints(browser: Browser) -> str:
    """All that the terminal in the page was told to paint."""
    return str(browser.run("return window.seen"))


@pytest.mark.timeout(180)
async def test_the_screen_is_painted_and_driven_in_a_browser(served: Served, browser: Browser) -> None:
    assert f"http://127.0.0.1:{served.port}" in served.said[0]
    assert "drives the chain" in served.said[1]
    browser._driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": LISTEN})
    await asyncio.to_thread(browser.open, served.address)
    for text in ("MQTT in", "Kafka produced", "Strapi stock", "Move stock"):
        await browser.until(lambda text=text: text in paints(browser), 60)  # type: ignore[misc]
    assert "-first-byte" in browser.run("return document.body.className")
    assert browser.run("return document.querySelector('.xterm-text-layer').width > 400")
    browser.find("textarea").send_keys("s")
    await browser.until(lambda: "session_expiry" in paints(browser))
    browser.find("textarea").send_keys(Keys.ESCAPE)
    first = browser._driver.current_window_handle
    browser._driver.switch_to.new_window("tab")
    browser._driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": LISTEN})
    await asyncio.to_thread(browser.open, served.address)
    await browser.until(lambda: "another window has this chain" in paints(browser), 60)
    browser._driver.switch_to.window(first)
    browser._driver.close()
    browser._driver.switch_to.window(browser._driver.window_handles[0])
    await browser.until(lambda: "Connection refused" in paints(browser), 60)
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
    hidden = "import sys; sys.modules['textual_serve.server'] = None; from tui.command import main; sys.exit(main())"
    for code, arguments, status, said in (
        ("from tui.command import main; import sys; sys.exit(main())", ["--config", str(wrong)], 2, "drain: found 0"),
        (hidden, [], 1, "pip install"),
        ("from tui.command import main; import sys; sys.exit(main())", ["--serve", "x"], 2, "is no port"),
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
