"""Drivers that let a camera see what they write: one over whatever terminal there is, one without any."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual import events
from textual.driver import Driver
from textual.geometry import Size

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Camera", "StudioDriver", "filmed"]


class Camera:
    """Stands between a driver and whoever films.

    Attributes:
        driver: whose output it sees; None until the application has one that is not headless.
        output: gets what is written; None while nobody films.
        left: called before the application gives the terminal back.
        badge: the sequence that is written after each change of the screen, for the terminal alone; empty for none.
    """

    def __init__(self) -> None:
        self.driver: Driver | None = None
        self.output: Callable[[str], None] | None = None
        self.left: Callable[[], None] | None = None
        self.badge = ""

    def see(self, data: str) -> None:
        """Take what a driver writes."""
        if self.output is not None:
            self.output(data)


class _Filmed(Driver):
    """Goes before a driver's class in a class of both."""

    camera: ClassVar[Camera]

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.camera.driver = self

    def write(self, data: str) -> None:
        """Write to the terminal, then let the camera have it."""
        super().write(data)  # type: ignore[safe-super]
        self.camera.see(data)
        # A whole screen or a part of one begins by moving the cursor; a single control sequence is no such change.
        if self.camera.badge and len(data) > len(self.camera.badge):
            super().write(self.camera.badge)  # type: ignore[safe-super]

    def draw_badge(self) -> None:
        """Write the badge alone."""
        super().write(self.camera.badge)  # type: ignore[safe-super]
        self.flush()

    def stop_application_mode(self) -> None:
        """End a film before the terminal is given back."""
        if self.camera.left is not None:
            self.camera.left()
        super().stop_application_mode()  # type: ignore[safe-super]


def filmed(driver_class: type[Driver], camera: Camera) -> type[Driver]:
    """A driver's class whose output a camera sees; the terminal gets the same bytes as without.

    Args:
        driver_class: the one that Textual chose.
        camera: what sees it.
    """
    return type(f"Filmed{driver_class.__name__}", (_Filmed, driver_class), {"camera": camera})


class StudioDriver(Driver):
    """Has a size and no terminal, and yet the application draws, for a camera alone."""

    camera: ClassVar[Camera]

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.cells: tuple[int, int] = named.get("size") or (80, 24)
        self.camera.driver = self

    @classmethod
    def of(cls, camera: Camera) -> type[StudioDriver]:
        """The class for one camera."""
        return type("StudioDriver", (cls,), {"camera": camera})

    def write(self, data: str) -> None:
        """Let the camera have it."""
        self.camera.see(data)

    def start_application_mode(self) -> None:
        """Say how large the screen is."""
        size = Size(*self.cells)
        self.send_message(events.Resize(size, size))

    def disable_input(self) -> None:
        """There is none."""

    def stop_application_mode(self) -> None:
        """There is no terminal to give back."""
