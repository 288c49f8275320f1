"""Two engines under one client id: the broker gives the session to the one that came last, and each comes back.

MQTT 5 lets the broker say so (DISCONNECT 0x8E, section 3.14.2.1); Mosquitto 2.0.11 and MQTT 3.1.1 just close. What
shows it then is a connection that opens and is closed again soon, without a word, time after time, while the broker is
always there. A network that breaks, a broker that missed a sign of life and one that was killed look otherwise: by a
reset, by a DISCONNECT, and by a try to come back that fails.
"""

from __future__ import annotations

from typing import Final

__all__ = ["Contention"]

_SHORT: Final = 15.0
_ENOUGH: Final = 3
_FIRST: Final = 10.0
_LONGEST: Final = 300.0


class Contention:
    """Tells from how long connections lived whether another engine takes the session away."""

    __slots__ = ("_pause", "_short_lives")

    def __init__(self) -> None:
        self._short_lives = 0
        self._pause = _FIRST

    def closed(self, lived: float) -> bool:
        """Note that an open connection was closed without a word.

        Args:
            lived: for how many seconds it was open.

        Returns:
            Whether it is the third in a row that did not live for 15 seconds.
        """
        if lived >= _SHORT:
            self._short_lives = 0
            self._pause = _FIRST
            return False
        self._short_lives += 1
        return self._short_lives >= _ENOUGH

    def away(self) -> None:
        """Note that a connection ended otherwise or could not be opened: no other engine took anything."""
        self._short_lives = 0

    def pause(self) -> float:
        """The seconds to leave the session to the other, 10 growing to 300."""
        pause = self._pause
        self._pause = min(_LONGEST, pause * 2)
        return pause
