"""The packet parser against paho's own encoder and decoder."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from bridge.mqtt.frames import Frames, Inbound, MalformedFrameError, puback_frames, user_properties

names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=0, max_size=20)
topics = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00+#"), min_size=1, max_size=40)


def length(number: int) -> bytes:
    found = b""
    while True:
        number, byte = divmod(number, 128)
        found += bytes([byte | (128 if number else 0)])
        if not number:
            return found


def frame(first: int, body: bytes) -> bytes:
    return bytes([first]) + length(len(body)) + body


@st.composite
def publishes(draw: st.DrawFn) -> tuple[bytes, Inbound, list[tuple[str, str]]]:
    topic, payload = draw(topics), draw(st.binary(max_size=300))
    qos, retained, redelivered = draw(st.integers(0, 2)), draw(st.booleans()), draw(st.booleans())
    packet_id = draw(st.integers(1, 65535)) if qos else 0
    pairs = draw(st.lists(st.tuples(names, names), max_size=12))
    properties = Properties(PacketTypes.PUBLISH)
    for pair in pairs:
        properties.UserProperty = pair
    if draw(st.booleans()):
        properties.ContentType = draw(names)
        properties.MessageExpiryInterval = draw(st.integers(0, 2**32 - 1))
        properties.PayloadFormatIndicator = draw(st.integers(0, 1))
        properties.CorrelationData = draw(st.binary(max_size=20))
        properties.TopicAlias = draw(st.integers(1, 65535))
        properties.SubscriptionIdentifier = draw(st.integers(1, 268_435_455))
    packed = properties.pack()
    head = topic.encode()
    body = len(head).to_bytes(2, "big") + head + (packet_id.to_bytes(2, "big") if qos else b"") + packed + payload
    first = 0x30 | qos << 1 | int(retained) | (8 if redelivered else 0)
    skip = next(place for place in range(4) if packed[place] < 128) + 1
    message = Inbound(topic, payload, qos, packet_id, retained, redelivered, packed[skip:])
    return frame(first, body), message, pairs


others = st.tuples(st.sampled_from([0x20, 0x40, 0x90, 0xD0, 0xE0]), st.binary(max_size=200))


@given(st.lists(st.one_of(publishes(), others), max_size=8), st.data())
def test_a_stream_cut_anywhere_gives_the_same_frames(
    sent: list[tuple[bytes, Inbound, list[tuple[str, str]]] | tuple[int, bytes]], data: st.DataObject
) -> None:
    stream = b"".join(item[0] if len(item) == 3 else frame(*item) for item in sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    reader = Frames(version_5=True)
    published, rest = [], []
    for start, stop in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        some, more = reader.feed(stream[start:stop])
        published += some
        rest += more
    assert published == [item[1] for item in sent if len(item) == 3]
    assert rest == [item for item in sent if len(item) == 2]
    wanted = [item[2] for item in sent if len(item) == 3]
    assert [list(user_properties(message.properties)) for message in published] == wanted


def test_each_byte_apart() -> None:
    reader = Frames(version_5=False)
    stream = frame(0x32, b"\x00\x05topic\x00\x07hello") + frame(0xD0, b"")
    found = [reader.feed(stream[place : place + 1]) for place in range(len(stream))]
    assert [message for published, _ in found for message in published] == [
        Inbound("topic", b"hello", 1, 7, False, False, b"")
    ]
    assert [other for _, rest in found for other in rest] == [(0xD0, b"")]


@pytest.mark.parametrize("size", [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152])
def test_lengths_of_one_to_four_bytes(size: int) -> None:
    reader = Frames(version_5=False)
    published, _ = reader.feed(frame(0x30, b"\x00\x01t" + bytes(size)))
    assert len(published[0].payload) == size


@pytest.mark.parametrize(
    "stream",
    [
        b"\x30\xff\xff\xff\xff\x01",
        frame(0x30, b""),
        frame(0x30, b"\x00"),
        frame(0x30, b"\x00\x09topic"),
        frame(0x32, b"\x00\x05topic\x01"),
        frame(0x36, b"\x00\x05topic\x00\x01\x00"),
        frame(0x30, b"\x00\x05topic"),
        frame(0x30, b"\x00\x05topic\x05\x26"),
        frame(0x30, b"\x00\x05topic\xff"),
    ],
)
def test_what_is_no_frame_is_said(stream: bytes) -> None:
    with pytest.raises(MalformedFrameError):
        Frames(version_5=True).feed(stream)


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_give_frames_or_a_clean_error(stream: bytes, version_5: bool) -> None:
    try:
        published, _ = Frames(version_5=version_5).feed(stream)
        for message in published:
            user_properties(message.properties)
    except MalformedFrameError:
        pass


def test_acknowledgements_are_one_piece_in_order() -> None:
    assert puback_frames([1, 65535, 256]) == b"\x40\x02\x00\x01\x40\x02\xff\xff\x40\x02\x01\x00"


@st.composite
def large_publishes(draw: st.DrawFn) -> tuple[bytes, Inbound]:
    topic, packet_id = draw(topics), draw(st.integers(1, 65_535))
    head = topic.encode()
    sizes = draw(st.lists(st.integers(0, 60_000), max_size=4))
    properties = b"".join(b"\x26\x00\x01a" + size.to_bytes(2, "big") + b"v" * size for size in sizes)
    payload = draw(st.binary(max_size=20)) * draw(st.integers(1, 20_000))
    body = len(head).to_bytes(2, "big") + head + packet_id.to_bytes(2, "big") + length(len(properties)) + properties
    return frame(0x32, body + payload), Inbound(topic, payload, 1, packet_id, False, False, properties)


@given(st.lists(st.one_of(large_publishes(), publishes().map(lambda one: one[:2])), max_size=4), st.data())
def test_of_a_packet_larger_than_what_is_taken_in_the_end_is_passed_over_and_counted(
    sent: list[tuple[bytes, Inbound]], data: st.DataObject
) -> None:
    largest = 100_000
    stream = b"".join(packet for packet, _ in sent)
    frames = Frames(version_5=True, largest=largest)
    published: list[Inbound] = []
    while stream:
        cut = data.draw(st.integers(1, 70_000))
        published += frames.feed(stream[:cut])[0]
        stream = stream[cut:]
        assert sum(map(len, frames._parts)) + len(frames._rest) <= largest + 70_000
    for message, (packet, whole) in zip(published, sent, strict=True):
        if len(packet) <= largest:
            assert message == whole
            continue
        assert (message.topic, message.packet_id, message.qos) == (whole.topic, whole.packet_id, 1)
        assert whole.payload.startswith(message.payload)
        if message.properties == whole.properties:
            assert len(message.payload) + message.cut == len(whole.payload)
        else:
            # Its properties alone are larger than what is taken in.
            assert (message.payload, message.properties) == (b"", b"")
            assert message.cut >= len(whole.payload)


def test_a_large_frame_that_is_no_publish_is_no_mqtt() -> None:
    with pytest.raises(MalformedFrameError, match="no PUBLISH"):
        Frames(version_5=True, largest=100_000).feed(b"\x90" + length(200_000) + b"x" * 1_000)
