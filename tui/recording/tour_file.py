"""The file of a tour: Python with `async def tour(t)`, whose argument has the steps."""

from __future__ import annotations

import importlib.util
import inspect
import linecache
import sys
import traceback
from typing import TYPE_CHECKING, Any

from bridge.errors import OpsciError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

__all__ = ["TourError", "load_tour", "where"]


class TourError(OpsciError):
    """A tour can't be played: its file is invalid, or one of its steps failed."""


def load_tour(path: Path) -> Callable[[Any], Awaitable[None]]:
    """Load a tour's file, to be called with a `Player`, or with the `Guide` of the tour in the program.

    Raises:
        TourError: it is missing, is not Python, or has no `async def tour(t)`.
    """
    if not path.is_file():
        raise TourError(f"there is no tour {path}")
    spec = importlib.util.spec_from_file_location(f"opsci_tour_{path.stem}", path.resolve())
    if spec is None or spec.loader is None:
        raise TourError(f"{path} is no Python file: a tour ends in .py")
    module = importlib.util.module_from_spec(spec)
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise TourError(f"{path} can't be read: {type(error).__name__}: {error}") from error
    finally:
        sys.dont_write_bytecode = writes
    found: Any = getattr(module, "tour", None)
    if not inspect.iscoroutinefunction(found):
        raise TourError(f"{path} has no `async def tour(t)`")
    play: Callable[[Any], Awaitable[None]] = found
    return play


def where(error: BaseException, path: Path) -> str:
    """Name the step that raised an error: the tour's file, the line number and the line."""
    file = str(path.resolve())
    numbers = [entry.lineno or 0 for entry in traceback.extract_tb(error.__traceback__) if entry.filename == file]
    return f"{path}:{numbers[-1]}: {linecache.getline(file, numbers[-1]).strip()}" if numbers else str(path)
