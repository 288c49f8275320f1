"""Websocket frames against paho's own reader and writer."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import _WebsocketWrapper

from bridge.mqtt.frames import MalformedFrameError
from bridge.mqtt.websocket import CLOSE, PING, WebsocketFrames

if TYPE_CHECKING:
    from collections.abc import Sequence

PONG = 0xA


def frame(first: int, payload: bytes) -> bytes:
    """A frame as servers send it."""
    size = len(payload)
    if size < 126:
        return bytes([first, size]) + payload
    if size < 65_536:
        return bytes([first, 126]) + size.to_bytes(2, "big") + payload
    return bytes([first, 127]) + size.to_bytes(8, "big") + payload


data_frames = st.tuples(
    st.sampled_from([0x82, 0x02, 0x00, 0x80]),
    st.one_of(st.binary(max_size=140), st.sampled_from([126, 65_535, 65_536, 70_000]).map(lambda size: b"x" * size)),
)
control_frames = st.tuples(st.sampled_from([0x80 | CLOSE, 0x80 | PING, 0x80 | PONG]), st.binary(max_size=125))


def cut(stream: bytes, places: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[start:stop] for start, stop in pairwise(edges)]


@given(st.lists(st.one_of(data_frames, control_frames), max_size=8), st.lists(st.integers(0, 10**6), max_size=12))
def test_a_stream_cut_anywhere_gives_the_same(sent: list[tuple[int, bytes]], places: list[int]) -> None:
    reader = WebsocketFrames()
    stream, controls = b"", []
    for piece in cut(b"".join(frame(*one) for one in sent), places):
        found, said = reader.feed(piece)
        stream += found
        controls += said
    assert stream == b"".join(payload for first, payload in sent if not first & 8)
    assert controls == [(first & 15, payload) for first, payload in sent if first & 8]


@given(st.lists(st.tuples(st.just(0x82), st.binary(min_size=1, max_size=200)), min_size=1, max_size=6))
def test_it_reads_byte_by_byte_what_paho_reads(sent: list[tuple[int, bytes]]) -> None:
    stream = b"".join(frame(*one) for one in sent)
    reader = WebsocketFrames()
    assert b"".join(reader.feed(stream[place : place + 1])[0] for place in range(len(stream))) == read_by_paho(stream)


def read_by_paho(stream: bytes) -> bytes:
    class Socket:
        left = stream

        def recv(self, most: int) -> bytes:
            found, self.left = self.left[:most], self.left[most:]
            return found

    wrapper: Any = object.__new__(_WebsocketWrapper)
    wrapper._socket, wrapper._readbuffer, wrapper._sendbuffer = Socket(), bytearray(), bytearray()
    wrapper._payload_head = wrapper._readbuffer_head = 0
    found = b""
    while part := wrapper.recv(1 << 20):
        found += part
    return found


def test_a_payload_is_handed_on_as_far_as_it_came() -> None:
    reader = WebsocketFrames()
    whole = frame(0x82, b"y" * 100_000)
    assert reader.feed(whole[:50]) == (b"y" * 40, [])
    assert reader.feed(whole[50:60]) == (b"y" * 10, [])
    assert len(reader.feed(whole[60:])[0]) == 99_950


@pytest.mark.parametrize(
    "wrong",
    [
        frame(0x81, b"text"),
        frame(0x83, b"no such kind"),
        frame(0xC2, b"compressed"),
        frame(0x09, b"a ping in parts"),
        frame(0x89, b"z" * 126),
        b"\x82\x84mask" + b"data",
        b"\x82\xfe\x00\x80mask",
    ],
)
def test_what_a_server_must_not_send_is_an_error(wrong: bytes) -> None:
    with pytest.raises(MalformedFrameError):
        WebsocketFrames().feed(frame(0x82, b"right") + wrong)


@given(st.lists(st.binary(max_size=50), max_size=20))
def test_any_bytes_are_read_or_refused(pieces: list[bytes]) -> None:
    reader = WebsocketFrames()
    try:
        for piece in pieces:
            reader.feed(piece)
    except MalformedFrameError:
        pass
