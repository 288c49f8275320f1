"""The cost of a message, counted and not timed: reads, writes, requests, and function calls.

The bounds are slightly above the current counts. When one is exceeded, the hot path does more for each message than
before; raise it only if a measurement shows that this is worthwhile.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, cast

import httpx
from aiokafka.producer.message_accumulator import BatchBuilder

from bridge.dead_letter import DeadLetters
from bridge.ingest.in_flight import Arrival, InFlight
from bridge.ingest.ingest import Ingest
from bridge.ingest.mapping import Mapper, record_of
from bridge.journal import Journal, Journey
from bridge.kafka.producer import Placed, Producer, Record
from bridge.movement import Movement
from bridge.mqtt._private import ChunkClient
from bridge.mqtt.frames import Frames, Inbound
from bridge.route import Route
from bridge.settings import KafkaSettings, Settings, StrapiSettings
from bridge.strapi.client import StrapiClient
from bridge.strapi.ledger import Ledger, Outcome
from tests.bench.publisher import movement, publish_frame

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.kafka.writer import Writer
    from bridge.mqtt.session import Session

MESSAGES: Final = 1000

CALLS_A_MESSAGE: Final = 40
"""Of Python and of C, from the bytes of a PUBLISH frame to the record for Kafka with the journal written: 35 now."""


def stream(count: int = MESSAGES) -> bytes:
    return b"".join(publish_frame("topic", number + 1, movement(number)) for number in range(count))


def messages(count: int = MESSAGES, first: int = 0) -> list[Inbound]:
    return [
        Inbound("topic", movement(number), 1, number + 1, False, False, b"") for number in range(first, first + count)
    ]


class CountedSession:
    """A fake session that counts the writes."""

    kept = True

    def __init__(self) -> None:
        self.writes: list[int] = []

    def acknowledge(self, packet_ids: list[int]) -> None:
        self.writes.append(len(packet_ids))

    def pause(self) -> None: ...

    def resume(self) -> None: ...


class Socket:
    """A fake of paho's client: returns the input in pieces of the requested size, and keeps what is written."""

    _transport = "tcp"
    _ssl = False

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.reads = 0
        self.written: list[bytes] = []

    def _sock_recv(self, size: int) -> bytes:
        self.reads += 1
        if not self.data:
            raise BlockingIOError
        found, self.data = self.data[:size], self.data[size:]
        return found

    def _packet_queue(self, _command: int, frames: bytes, _mid: int, _qos: int) -> None:
        self.written.append(frames)

    def socket(self) -> object:
        return self


def calls_of(work: Callable[[], object]) -> int:
    """Count the function calls, in Python and in C."""
    counted: Counter[str] = Counter()
    before = sys.getprofile()
    sys.setprofile(lambda _frame, event, _argument: counted.update([event]))
    try:
        work()
    finally:
        sys.setprofile(before)
    return counted["call"] + counted["c_call"]


async def test_a_wake_up_hands_all_that_came_on_at_once_and_reads_it_by_the_block() -> None:
    chunks: list[list[Inbound]] = []
    client = ChunkClient("nowhere.example", 1, version_5=False, on_chunk=chunks.append)
    whole = stream()
    there = Socket(whole)
    client._client = cast("Any", there)
    client._read()
    assert [len(chunk) for chunk in chunks] == [MESSAGES]
    assert there.reads <= len(whole) // 65_536 + 1


async def test_all_acknowledgements_of_a_round_leave_in_one_write() -> None:
    client = ChunkClient("nowhere.example", 1, version_5=False, on_chunk=lambda _chunk: None)
    there = Socket(b"")
    client._client = cast("Any", there)
    client.acknowledge(list(range(1, MESSAGES + 1)))
    assert [len(frames) for frames in there.written] == [4 * MESSAGES]


def test_a_round_is_acknowledged_by_one_call_a_connection() -> None:
    in_flight, session = InFlight(), CountedSession()
    there = cast("Session", session)
    arrivals = [Arrival(there, number + 1, Journey(str(number), b"")) for number in range(MESSAGES)]
    in_flight.admit(arrivals)
    in_flight.settle(arrivals)
    assert session.writes == [MESSAGES]


async def test_what_comes_while_a_round_is_written_is_one_round() -> None:
    rounds: list[int] = []
    began, go = asyncio.Event(), asyncio.Event()

    class Slow:
        async def produce(self, records: Sequence[Record], _: list[Placed | None] | None = None) -> list[Placed]:
            rounds.append(len(records))
            began.set()
            await go.wait()
            return [Placed(0, number) for number in range(len(records))]

    journal = Journal(100)
    writer = cast("Writer", Slow())
    ingest = Ingest(Settings(), journal, writer, DeadLetters("errors", writer, journal))
    session = CountedSession()
    writing = asyncio.create_task(ingest._write())
    ingest._take(cast("Session", session), messages(10))
    await began.wait()
    for first in range(10, 1010, 100):
        ingest._take(cast("Session", session), messages(100, first))
    go.set()
    await ingest.drain()
    writing.cancel()
    assert rounds == [10, 1000]
    assert session.writes == [10, 1000]


async def test_a_round_is_one_batch_a_partition() -> None:
    sent: Counter[int] = Counter()

    class Cluster:
        """A fake of aiokafka's producer: real batches, and every send acknowledged."""

        async def partitions_for(self, _topic: str) -> set[int]:
            return set(range(6))

        def create_batch(self) -> BatchBuilder:
            return BatchBuilder(1_000_000, 0, is_transactional=False)

        async def send_batch(self, batch: BatchBuilder, _topic: str, *, partition: int) -> asyncio.Future[Any]:
            sent[partition] += 1
            done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            done.set_result(Placed(partition, 0))
            return done

    producer = Producer(KafkaSettings())
    producer._producer = Cluster()
    records = [Record("stock", b"%d" % (number % 200), movement(number), []) for number in range(MESSAGES)]
    placed: list[Placed | None] = [None] * MESSAGES
    await producer.produce(records, placed)
    assert None not in placed
    assert sent == dict.fromkeys(range(6), 1)


async def test_a_batch_of_movements_is_one_request_to_the_ledger() -> None:
    requests: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        batch = json.loads(request.content)["movements"]
        requests.append(len(batch))
        verdicts = [{"movement_id": one["movement_id"], "verdict": "applied"} for one in batch]
        return httpx.Response(200, json={"verdicts": verdicts})

    journeys = [
        Journey(f"m{number}", b"", movement=Movement("12", 1, "IN"), kafka_topic="stock", partition=0, offset=number)
        for number in range(500)
    ]
    settings = StrapiSettings(url="http://strapi.example:1337", token="none")
    async with StrapiClient(settings, httpx.MockTransport(answer)) as client:
        decisions = await Ledger(client).apply(journeys)
    assert [decision.outcome for decision in decisions] == [Outcome.APPLIED] * 500
    assert requests == [500]


def test_a_message_costs_few_calls_from_its_bytes_to_its_record() -> None:
    judge = Mapper([Route("topic", "stock")], "bridge")
    whole, frames, journal = stream(), Frames(version_5=False), Journal(100)
    judge.journeys(messages(), 0.0)
    taken: list[Record] = []

    def carry() -> None:
        published, _ = frames.feed(whole)
        journeys = judge.journeys(published, 1.0)
        journal.arrived(journeys)
        taken.extend(record_of(journey) for journey in journeys)

    calls = calls_of(carry) / MESSAGES
    assert len(taken) == MESSAGES
    assert calls < CALLS_A_MESSAGE, f"{calls:.1f} calls a message"
