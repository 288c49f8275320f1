"""Records that Kafka or Strapi lost: each case is reported with its count, and a replay restores what Kafka has."""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import TYPE_CHECKING

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, RecordsToDelete

from bridge.command.main import main
from bridge.journal import Verdict
from tests.chain.applying import applying, movement, produce
from tests.chain.lane import until
from tests.faults.restored import backed_up, put_back

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import pytest

    from bridge.settings import Settings
    from stack.local import LocalStack
    from tests.chain.applying import Shop
    from tests.chain.lane import Lane


@contextlib.asynccontextmanager
async def admin(lane: Lane) -> AsyncIterator[AIOKafkaAdminClient]:
    client = AIOKafkaAdminClient(bootstrap_servers=lane.stack.addresses.kafka)
    await client.start()
    try:
        yield client
    finally:
        await client.close()


async def ends(lane: Lane) -> dict[int, int]:
    """The end offset of each partition of the stock topic."""
    consumer = AIOKafkaConsumer(bootstrap_servers=lane.stack.addresses.kafka)
    await consumer.start()
    try:
        found = await consumer.end_offsets([TopicPartition(lane.stock, partition) for partition in range(6)])
    finally:
        await consumer.stop()
    return {place.partition: end for place, end in found.items()}


async def delete_records(lane: Lane, until_offsets: dict[int, int]) -> None:
    async with admin(lane) as client:
        await client.delete_records(
            {
                TopicPartition(lane.stock, partition): RecordsToDelete(before_offset=offset)
                for partition, offset in until_offsets.items()
            }
        )


def command(lane: Lane, settings: Settings, tmp_path: Path, *words: str) -> list[str]:
    file = tmp_path / "replay.toml"
    routes = "\n".join(
        f'[[routes]]\nmqtt = "{route.mqtt}"\nkafka = "{route.kafka}"\ndoes = "{route.does}"'
        for route in settings.routes
    )
    file.write_text(
        f'[kafka]\nbrokers = ["{lane.stack.addresses.kafka}"]\ngroup = "{settings.kafka.group}"\n'
        f'errors_topic = "{lane.errors}"\n[strapi]\nurl = "{lane.stack.addresses.strapi}"\n'
        f'token_file = "{lane.stack.paths.bridge_token}"\nmode = "{settings.strapi.mode}"\n{routes}\n'
    )
    return ["replay", *words, "--config", str(file)]


async def replay(
    lane: Lane, capsys: pytest.CaptureFixture[str], tmp_path: Path, *words: str, settings: Settings | None = None
) -> tuple[int, str]:
    code = await asyncio.to_thread(main, command(lane, settings or lane.settings(), tmp_path, *words))
    out, err = capsys.readouterr()
    return code, out + err


async def apply_all(lane: Lane, count: int) -> None:
    async with applying(lane.settings()) as (journal, _):
        await until(lambda: journal.decided.total >= count)


async def test_records_that_kafka_deleted_before_they_were_applied_are_counted(lane: Lane, shop: Shop) -> None:
    product = await shop.add(0)
    await produce(lane, lane.stock, [movement(product, 1)] * 10)
    await apply_all(lane, 10)
    await produce(lane, lane.stock, [movement(product, 1)] * 30)
    (partition,) = [number for number, end in (await ends(lane)).items() if end]
    await delete_records(lane, {partition: 35})
    async with applying(lane.settings()) as (journal, _):
        await until(lambda: journal.decided.total == 5)
        assert journal.skipped == {(lane.stock, partition): 25}
        assert f"deleted 25 records before they were applied ({lane.stock}:{partition} 25)" in journal.notes["skipped"]
    async with applying(lane.settings()) as (journal, apply):
        await until(lambda: apply.idle)
        assert journal.skipped == {}, "told once"
        await asyncio.sleep(2.5)
        assert "ledger" not in journal.notes, "no gap that a replay could fill"
    assert await shop.stock(product) == 15


async def test_records_deleted_while_the_engine_runs_are_counted(lane: Lane, shop: Shop) -> None:
    product = await shop.add(0)
    await produce(lane, lane.stock, [movement(product, 1)])
    async with applying(lane.settings(apply={"batch": 1})) as (journal, apply):
        await until(lambda: journal.decided.total == 1)
        apply.pause()
        # More than the consumer fetches ahead, so that it comes back for what is deleted by then.
        filler = "x" * 60_000
        await produce(
            lane, lane.stock, [movement(product, 1, note=filler)] * 40, names=[f"{lane.name}{n}" for n in range(40)]
        )
        await delete_records(lane, {number: end - 1 for number, end in (await ends(lane)).items() if end})
        apply.resume()
        await until(lambda: bool(journal.skipped))
        await until(lambda: apply.idle)
        skipped = sum(journal.skipped.values())
        assert journal.decided.total + skipped == 41
    assert await shop.stock(product) == 41 - skipped


async def test_a_topic_that_was_made_again_is_told_and_read_from_its_first_record(lane: Lane, shop: Shop) -> None:
    product = await shop.add(0)
    await produce(lane, lane.stock, [movement(product, 1)] * 20)
    await apply_all(lane, 20)
    async with admin(lane) as client:
        await client.delete_topics([lane.stock])
        await asyncio.sleep(1)
    await lane.make_topics()
    await produce(lane, lane.stock, [movement(product, 1)] * 3)
    async with applying(lane.settings()) as (journal, _):
        await until(lambda: journal.decided.total == 3)
        await until(lambda: "made-again" in journal.notes)
        assert "20" in journal.notes["made-again"]
    async with applying(lane.settings()) as (journal, apply):
        await until(lambda: apply.idle)
        await asyncio.sleep(2.5)
        assert "made-again" not in journal.notes, "told once"
    assert await shop.stock(product) == 23


async def test_a_topic_that_was_made_again_under_a_running_engine_is_read_from_its_first_record(
    lane: Lane, shop: Shop
) -> None:
    product = await shop.add(0)
    async with applying(lane.settings()) as (journal, _):
        await produce(lane, lane.stock, [movement(product, 1)] * 20)
        await until(lambda: journal.decided.total == 20)
        async with admin(lane) as client:
            await client.delete_topics([lane.stock])
            await asyncio.sleep(0.5)
        await lane.make_topics()
        await produce(lane, lane.stock, [movement(product, 1)] * 3)
        await until(lambda: journal.verdicts[Verdict.APPLIED] == 23)
        await until(lambda: "made-again" in journal.notes)
    assert await shop.stock(product) == 23


async def test_a_position_that_kafka_lost_is_told_by_the_ledger_and_counts_nothing_twice(
    lane: Lane, shop: Shop
) -> None:
    product = await shop.add(0)
    await produce(lane, lane.stock, [movement(product, 1)] * 20)
    settings = lane.settings(kafka={"beginning": False})
    async with applying(settings) as (journal, apply):
        # A first start at the end: the 20 are not to be applied.
        await until(lambda: apply.idle)
        await produce(lane, lane.stock, [movement(product, 1)] * 5)
        await until(lambda: journal.decided.total == 5)
        await asyncio.sleep(2.5)
        assert not {"position", "ledger"} & journal.notes.keys(), "a first start is none that lost its position"
    other = lane.settings(kafka={"beginning": False, "group": f"{lane.name}-other"})
    await produce(lane, lane.stock, [movement(product, 1)] * 2)
    # As good as expired: this group has no position, and the ledger knows where it began.
    async with applying(other) as (journal, _):
        await until(lambda: journal.decided.total == 7)
        assert journal.verdicts[Verdict.DUPLICATE] == 5
        assert journal.verdicts[Verdict.APPLIED] == 2
        await until(lambda: "position" in journal.notes, what="that it was lost is told")
        await until(lambda: "position" not in journal.notes, what="until all is read again")
    assert await shop.stock(product) == 7


async def test_a_partition_that_was_added_is_read_from_its_first_record(lane: Lane, shop: Shop) -> None:
    product = await shop.add(0)
    settings = lane.settings(kafka={"beginning": False})
    async with applying(settings) as (journal, apply):
        await until(lambda: apply.idle)
        await produce(lane, lane.stock, [movement(product, 1)])
        await until(lambda: journal.decided.total == 1)
    async with admin(lane) as client:
        await client.create_partitions({lane.stock: NewPartitions(total_count=7)})
    producer = AIOKafkaProducer(bootstrap_servers=lane.stack.addresses.kafka)
    await producer.start()
    await producer.send_and_wait(lane.stock, movement(product, 1), partition=6)
    await producer.stop()
    async with applying(settings) as (journal, _):
        await until(lambda: journal.decided.total == 1)
    assert await shop.stock(product) == 2


async def test_dead_letters_at_the_end_are_no_gap(
    lane: Lane, shop: Shop, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    product = await shop.add(0)
    await produce(lane, lane.stock, [movement(product, 1), b"junk", None, b"{}", movement(product, -5)])
    await apply_all(lane, 5)
    await produce(lane, lane.stock, [b"more junk", None])
    await apply_all(lane, 2)
    async with applying(lane.settings()) as (journal, apply):
        await until(lambda: apply.idle)
        await asyncio.sleep(2.5)
        assert journal.missing == {}
        assert "ledger" not in journal.notes
    code, said = await replay(lane, capsys, tmp_path, "--missing")
    assert (code, said.splitlines()[-1].split(" in ")[0]) == (0, "0 records")
    code, said = await replay(lane, capsys, tmp_path, "--all")
    assert code == 0
    assert "0 applied, 1 applied before, 6 refused (0 new dead letters)" in said
    assert len(await lane.all_records(lane.errors)) == 6


async def test_a_restored_strapi_is_told_and_a_replay_makes_the_stock_exact(
    lane: Lane, shop: Shop, stack: LocalStack, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    products = [await shop.add(100) for _ in range(8)]
    moves = [movement(product, delta) for product in products for delta in (7, -3)]
    await produce(lane, lane.stock, moves)
    async with applying(lane.settings()) as (journal, _):
        await until(lambda: journal.decided.total == 16)
        database = stack.paths.state / "strapi" / "data.db"
        await asyncio.to_thread(backed_up, database, tmp_path / "backup.db")
        await produce(lane, lane.stock, [*moves, b"junk", *moves])
        await until(lambda: journal.decided.total == 49)
        expected = {product: await shop.stock(product) for product in products}
        assert set(expected.values()) == {112}
        await asyncio.sleep(1.5)
        assert "ledger" not in journal.notes
        # The backup is put back under the running engine.
        stack.stop_server("strapi")
        put_back(tmp_path / "backup.db", database)
        await asyncio.to_thread(stack.start_server, "strapi")
        assert {await shop.stock(product) for product in products} == {104}
        await until(lambda: sum(journal.missing.values()) == 33, what="what is missing is told")
        assert "has not seen 33 records that count as applied" in journal.notes["ledger"]
        assert "opsci-bridge replay --missing" in journal.notes["ledger"]
        # What comes meanwhile does not hide it.
        await produce(lane, lane.stock, moves)
        await until(lambda: journal.decided.total == 65)
        await asyncio.sleep(4)
        assert sum(journal.missing.values()) == 33
        code, said = await replay(lane, capsys, tmp_path, "--missing", "--dry-run")
        assert code == 0, said
        assert "33 records: 32 are not in the ledger" in said
        code, said = await replay(lane, capsys, tmp_path, "--missing")
        assert code == 0, said
        assert "33 records in" in said
        assert "32 applied, 0 applied before, 1 refused (0 new dead letters)" in said
        await until(lambda: "ledger" not in journal.notes and not journal.missing)
    assert {await shop.stock(product) for product in products} == {116}
    code, said = await replay(lane, capsys, tmp_path, "--since", "1h")
    assert "0 applied, 64 applied before" in said
    assert {await shop.stock(product) for product in products} == {116}


async def test_a_restored_strapi_is_told_at_the_start_and_offsets_bring_it(
    lane: Lane, shop: Shop, stack: LocalStack, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    product = await shop.add(0)
    await produce(lane, lane.stock, [movement(product, 1)] * 10)
    await apply_all(lane, 10)
    database = stack.paths.state / "strapi" / "data.db"
    await asyncio.to_thread(backed_up, database, tmp_path / "backup.db")
    await produce(lane, lane.stock, [movement(product, 1)] * 10)
    await apply_all(lane, 10)
    stack.stop_server("strapi")
    put_back(tmp_path / "backup.db", database)
    await asyncio.to_thread(stack.start_server, "strapi")
    async with applying(lane.settings()) as (journal, _):
        await until(lambda: "ledger" in journal.notes)
        found = re.search(rf"\(({re.escape(lane.stock)}:\d:10-19)\)", journal.notes["ledger"])
        assert found, journal.notes["ledger"]
    code, said = await replay(lane, capsys, tmp_path, "--offsets", found[1])
    assert code == 0, said
    assert await shop.stock(product) == 20


async def test_a_strapi_without_a_ledger_is_refused_in_words(
    lane: Lane, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    settings = lane.settings(strapi={"mode": "rest5"})
    code, said = await replay(lane, capsys, tmp_path, "--all", settings=settings)
    assert code == 1
    assert "no ledger: by plain REST a replay would count again" in said


async def test_what_is_not_there_is_said(lane: Lane, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, said = await replay(lane, capsys, tmp_path, "--offsets", f"{lane.errors}:0:0")
    assert code == 2
    assert "no route does movement with the topic" in said
    code, said = await replay(lane, capsys, tmp_path, "--offsets", f"{lane.stock}:6:0")
    assert code == 2
    assert f"no partition 6 of the topic {lane.stock}" in said
