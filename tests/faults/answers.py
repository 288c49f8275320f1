"""Wrong answers of Strapi: an error, a request to retry later, or no answer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.faults.fault import Fault

if TYPE_CHECKING:
    from tests.faults.world import World

__all__ = ["ANSWERS", "Answers"]

ANSWERS: Final = {
    "500": b"500 Internal Server Error",
    "502": b"502 Bad Gateway",
    "429": b"429 Too Many Requests\r\nRetry-After: 2",
    "503": b"503 Service Unavailable\r\nRetry-After: 1",
    "hang": b"",
}
"""The status line and headers; nothing hangs."""

_BODY: Final = b'{"data":null,"error":{"status":0,"name":"ApplicationError","message":"a fault that was asked for"}}'


@dataclass(frozen=True)
class Answers(Fault):
    """Every request gets such an answer, and none is carried out.

    Attributes:
        answer: one of ANSWERS.
    """

    answer: str = "500"

    @property
    def text(self) -> str:
        does = "hangs" if self.answer == "hang" else f"answers {self.answer}"
        return f"Strapi {does}, for {self.seconds:.0f} s"

    @property
    def touches(self) -> frozenset[str]:
        return frozenset({"to strapi", "strapi"})

    async def strike(self, world: World) -> None:
        proxy = world.proxies["strapi"]
        proxy.answer = self._serve
        proxy.cut()
        await asyncio.sleep(self.seconds)
        await proxy.mend()
        proxy.cut()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                (
                    int(line.split(b":")[1])
                    for line in head.lower().split(b"\r\n")
                    if line.startswith(b"content-length:")
                ),
                0,
            )
            await reader.readexactly(length)
            if self.answer == "hang":
                await asyncio.sleep(3600)
            lines = b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
            writer.write(lines % (ANSWERS[self.answer], len(_BODY)) + _BODY)
            await writer.drain()
