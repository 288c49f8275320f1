"""A real Chromium, with the page used as a person would."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self

from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from selenium.webdriver.remote.webelement import WebElement

_FLAGS = (
    "--headless=new",
    # Its sandbox refuses root, whom containers run tests as.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
)

_RECORD = """
  window.shownTexts = [];
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes) for (const node of addedNodes) shownTexts.push(node.textContent ?? '');
  }).observe(document, { subtree: true, childList: true });
"""
"""Records every text that a page puts into itself."""


class Browser:
    """One browser window.

    Args:
        programs: where `chromium` and `chromedriver` are.
        profile: a folder for its profile.
        language: its preferred language.
        flags: further flags for Chromium.
    """

    def __init__(self, programs: Mapping[str, Path], profile: Path, language: str, flags: Sequence[str] = ()) -> None:
        options = ChromeOptions()
        options.binary_location = str(programs["chromium"])
        for flag in (*_FLAGS, *flags, f"--user-data-dir={profile}", f"--lang={language}", "--window-size=1280,800"):
            options.add_argument(flag)
        options.add_experimental_option("prefs", {"intl.accept_languages": language})
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self._driver = Chrome(options, ChromeService(str(programs["chromedriver"])))
        self._driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": _RECORD})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.quit()

    def quit(self) -> None:
        """Close it; it may be closed already."""
        self._driver.quit()

    def complaints(self) -> list[str]:
        """The console's messages since the last call: errors, warnings, violations of the policy."""
        return [entry["message"] for entry in self._driver.get_log("browser")]  # type: ignore[no-untyped-call]

    def open(self, address: str) -> None:
        self._driver.get(address)

    def reload(self) -> None:
        self._driver.refresh()

    def phone(self) -> None:
        """Change to the size of a phone."""
        self.resize(390, 844, mobile=True)

    def resize(self, width: int, height: int, *, mobile: bool = False) -> None:
        """Change to a size in pixels."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile}
        self._driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def scheme(self, name: str) -> None:
        """Prefer `light` or `dark`, as by the system's setting."""
        features = [{"name": "prefers-color-scheme", "value": name}]
        self._driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def picture(self) -> bytes:
        """A screenshot as PNG."""
        return self._driver.get_screenshot_as_png()

    def run(self, script: str) -> Any:
        return self._driver.execute_script(script)

    def find(self, css: str) -> WebElement:
        return self._driver.find_element(By.CSS_SELECTOR, css)

    def text(self, css: str) -> str:
        """The visible text of all matching elements, one line each; read in one step, as the page may replace them."""
        texts = self.run(f"return [...document.querySelectorAll({css!r})].map((one) => one.innerText)")
        return "\n".join(texts)

    def click(self, css: str) -> None:
        self.find(css).click()

    def type(self, css: str, text: str) -> None:
        """Focus an element and type; its content is replaced."""
        field = self.find(css)
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(text)

    def value(self, css: str) -> str:
        return str(self.find(css).get_property("value"))

    async def until(self, condition: Callable[[], object], seconds: float = 60) -> None:
        """Wait until a condition holds, while the engine in this loop works."""
        deadline = asyncio.get_running_loop().time() + seconds
        while not await asyncio.to_thread(condition):
            assert asyncio.get_running_loop().time() < deadline, f"not in {seconds} s\n{self.text('body')}"
            await asyncio.sleep(0.05)

    async def sees(self, css: str, text: str, seconds: float = 60) -> None:
        """Wait until an element shows a text."""
        await self.until(lambda: text in self.text(css), seconds)

    async def has_shown(self, text: str) -> None:
        """Wait until the page has shown a text at any time since it was opened, for transient states."""
        await self.until(lambda: any(text in one for one in self.run("return shownTexts")))
