"""`opsci-tui --serve` as users start it, for the tests of the screen in a browser."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

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
    window.asked = rest[0];
    this.addEventListener("message", async (event) => {
      const bytes = event.data instanceof Blob ? await event.data.arrayBuffer() : event.data;
      window.seen += typeof bytes === "string" ? bytes : new TextDecoder().decode(bytes);
    });
  }
};
"""


class Served:
    """`opsci-tui --serve` in its own process group, as started by a terminal, with settings in TOML.

    Args:
        tmp_path: for its files.
        toml: the settings.
        arguments: further arguments.
        host: an address beyond loopback with a colon, `0.0.0.0:`; empty for loopback.
        python: the interpreter that runs it.
    """

    def __init__(
        self,
        tmp_path: Path,
        toml: str = AWAY,
        *,
        arguments: Sequence[str] = ("--drive",),
        host: str = "",
        python: str = sys.executable,
    ) -> None:
        self._folder = tmp_path
        settings = tmp_path / "opsci.toml"
        settings.write_text(toml)
        settings.chmod(0o600)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        environment = os.environ | {"TMPDIR": str(tmp_path), "XDG_STATE_HOME": str(tmp_path), "LANG": "C"}
        self.process = subprocess.Popen(
            [python, "-m", "tui", "--serve", f"{host}{self.port}", "--config", str(settings), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
            start_new_session=True,
        )
        assert self.process.stdout
        self.said = [self.process.stdout.readline() for _ in range(4 if host else 2)]

    def press_ctrl_c(self) -> int:
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(60)

    def left_behind(self) -> list[str]:
        """The remaining processes of the group, and the lock files of its windows."""
        listed = subprocess.run(
            ["ps", "-o", "stat=,args=", "--no-headers", "-g", str(self.process.pid)],
            check=False,
            capture_output=True,
            text=True,
        )
        # One that has ended stays listed until the machine's first process takes its ending in.
        living = [line for line in listed.stdout.splitlines() if not line.startswith("Z")]
        return [*living, *(str(path) for path in self._folder.glob("opsci-turn-*"))]

    def windows(self) -> list[int]:
        """The processes of the windows."""
        listed = subprocess.run(["pgrep", "-P", str(self.process.pid)], check=False, capture_output=True, text=True)
        return [int(pid) for pid in listed.stdout.split()]

    def close(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        assert self.process.stdout
        self.process.stdout.close()
