"""A stock consumer like the course's, but correct: one GET and one PUT per record, one after the other.

python -m tests.bench.peers.get_put KAFKA TOPIC GROUP STRAPI TOKEN_FILE
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Final

import httpx
import msgspec
from aiokafka import AIOKafkaConsumer

__all__: list[str] = []

_COMMIT_EVERY: Final = 20


async def main(kafka: str, topic: str, group: str, strapi: str, token: str) -> None:
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=kafka, group_id=group, auto_offset_reset="earliest", enable_auto_commit=False
    )
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=strapi, headers=headers, trust_env=False) as client:
        await consumer.start()
        done = 0
        async for record in consumer:
            movement = msgspec.json.decode(record.value)
            found = await client.get("/api/products", params={"filters[id][$eq]": movement["id"]})
            product = found.raise_for_status().json()["data"][0]
            change = movement["amount"] if movement["type"] == "IN" else -movement["amount"]
            body = {"data": {"stock_available": product["stock_available"] + change}}
            (await client.put(f"/api/products/{product['documentId']}", json=body)).raise_for_status()
            done += 1
            if done % _COMMIT_EVERY == 0:
                await consumer.commit()


if __name__ == "__main__":
    *_told, _file = sys.argv[1:]
    asyncio.run(main(_told[0], _told[1], _told[2], _told[3], Path(_file).read_text().strip()))
