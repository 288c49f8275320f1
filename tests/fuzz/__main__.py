"""`python -m tests.fuzz [--seconds N] [target]`: atheris searches for inputs that break a promise, by coverage."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

NAMES: Final = ("payload", "message", "frames", "websocket", "topic", "record", "settings", "strapi")

_HOW: Final = """\
coverage-guided fuzzing needs atheris, which is not installed: it has ready packages for Linux on x86-64 only.
  python -m pip install atheris
The same targets run without it, on random input: python -m pytest tests/unit/test_everything_fuzz.py"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz one target, or all of them one after the other.

    Args:
        arguments: the command line without the program's name; this process's by default.

    Returns:
        The exit code: 0 nothing was found, 1 something was, and the input that did it is in a file beside; 2 atheris
        is missing or the command line is wrong.
    """
    parser = argparse.ArgumentParser("python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", nargs="?", choices=NAMES, help="one of them; all by default")
    parser.add_argument("--seconds", type=int, default=60, metavar="N", help="for all together (default: 60)")
    parser.add_argument(
        "--keep", type=Path, default=Path(".fuzz"), metavar="DIR", help="inputs that were worth keeping"
    )
    options = parser.parse_args(arguments)
    if options.seconds < 1:
        parser.error("--seconds is 1 or more")
    if importlib.util.find_spec("atheris") is None:
        sys.stderr.write(f"{_HOW}\n")
        return 2
    if options.target:
        _fuzz(options.target, options.seconds, options.keep)
    each = max(1, options.seconds // len(NAMES))
    broken = []
    for name in NAMES:
        words = [sys.executable, "-m", "tests.fuzz", name, "--seconds", str(each), "--keep", str(options.keep)]
        # Its engine ends the process itself, whatever it found.
        code = subprocess.run(words, check=False).returncode
        sys.stdout.write(f"{'ok' if code == 0 else 'BROKEN':<7} {name} ({each} s)\n")
        sys.stdout.flush()
        broken += [name] if code else []
    return 1 if broken else 0


def _fuzz(name: str, seconds: int, keep: Path) -> None:
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["bridge"]):
        targets = importlib.import_module("tests.fuzz.targets").TARGETS
    folder = keep / name
    folder.mkdir(parents=True, exist_ok=True)
    # A stall is a finding as well: no input is worth ten seconds.
    flags = [f"-max_total_time={seconds}", "-timeout=10", "-max_len=4096", f"-artifact_prefix={folder}/found-"]
    atheris.Setup([sys.argv[0], *flags, str(folder)], targets[name])
    atheris.Fuzz()


if __name__ == "__main__":
    raise SystemExit(main())
