"""Drivers whose output a camera sees: one on top of any terminal driver, one without a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual import events
from textual.driver import Driver
from textual.geometry import Size

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Camera", "StudioDriver", "filmed"]


class Camera:
    """Receives the output of a driver for the recorder.

    Attributes:
        driver: whose output it sees; None until the application has a driver that is not headless.
        output: called with the output; None while nothing records.
        left: called before the application gives the terminal back.
        badge: a sequence written to the terminal only, after each change of the screen; empty for none.
    """

    def __init__(self) -> None:
        self.driver: Driver | None = None
        self.output: Callable[[str], None] | None = None
        self.left: Callable[[], None] | None = None
        self.badge = ""

    def see(self, data: str) -> None:
        """Receive output of the driver."""
        if self.output is not None:
            self.output(data)


class _Filmed(Driver):
    """Mixin that goes before a driver's class."""

    camera: ClassVar[Camera]

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.camera.driver = self

    def write(self, data: str) -> None:
        """Write to the terminal, then pass the output to the camera."""
        super().write(data)  # type: ignore[safe-super]
        self.camera.see(data)
        # Output of a screen or a part of one begins with a cursor movement; a lone control sequence is shorter.
        if self.camera.badge and len(data) > len(self.camera.badge):
            super().write(self.camera.badge)  # type: ignore[safe-super]

    def draw_badge(self) -> None:
        """Write the badge only."""
        super().write(self.camera.badge)  # type: ignore[safe-super]
        self.flush()

    def stop_application_mode(self) -> None:
        """End a recording before the terminal is given back."""
        if self.camera.left is not None:
            self.camera.left()
        super().stop_application_mode()  # type: ignore[safe-super]


def filmed(driver_class: type[Driver], camera: Camera) -> type[Driver]:
    """Return a driver class whose output a camera sees; the terminal gets the same bytes.

    Args:
        driver_class: the one that Textual chose.
        camera: receives the output.
    """
    return type(f"Filmed{driver_class.__name__}", (_Filmed, driver_class), {"camera": camera})


class StudioDriver(Driver):
    """A driver with a size but no terminal, for which the application still draws, for a camera."""

    camera: ClassVar[Camera]

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.cells: tuple[int, int] = named.get("size") or (80, 24)
        self.camera.driver = self

    @classmethod
    def of(cls, camera: Camera) -> type[StudioDriver]:
        """Return the driver class of one camera."""
        return type("StudioDriver", (cls,), {"camera": camera})

    def write(self, data: str) -> None:
        """Pass the output to the camera."""
        self.camera.see(data)

    def start_application_mode(self) -> None:
        """Report the size of the screen."""
        size = Size(*self.cells)
        self.send_message(events.Resize(size, size))

    def disable_input(self) -> None:
        """Do nothing: there is no input."""

    def stop_application_mode(self) -> None:
        """Do nothing: there is no terminal to give back."""
