"""Decoding a websocket's traffic gives what its two ends wrote."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import _WebsocketWrapper

from tests.faults.unwrapped import Unwrapped

HANDSHAKE = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
payloads = st.one_of(st.binary(max_size=130), st.sampled_from([126, 65_535, 65_536]).map(lambda size: b"m" * size))


@given(st.lists(st.tuples(payloads, st.booleans()), max_size=6), st.lists(st.integers(0, 10**6), max_size=8))
def test_masked_or_not_cut_anywhere(sent: list[tuple[bytes, bool]], places: list[int]) -> None:
    writer: Any = object.__new__(_WebsocketWrapper)
    frames = [bytes(writer._create_frame(writer.OPCODE_BINARY, bytearray(part), int(masked))) for part, masked in sent]
    ping = bytes(writer._create_frame(writer.OPCODE_PING, bytearray(b"alive?"), 0))
    stream = HANDSHAKE + ping.join([b"", *frames])
    edges = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    heard = Unwrapped()
    assert b"".join(heard.feed(stream[start:stop]) for start, stop in pairwise(edges)) == b"".join(
        part for part, _ in sent
    )
