"""A bridge with flechtwerk, following its guide for MQTT, on uvloop: `bridge.py '{"mqtt_port": 1884, ...}'`."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from typing import Any

import uvloop
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from flechtwerk import Event, Flechtwerk, Message  # type: ignore[import-not-found]
from flechtwerk.mqtt import MqttBrokerConfig, MqttExtractor  # type: ignore[import-not-found]


async def declare(kafka: str, config_topic: str, mqtt_topic: str) -> None:
    """Write the subscription where flechtwerk looks for it: into a compacted topic."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(config_topic, 1, 1, topic_configs={"cleanup.policy": "compact"})])
    await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=kafka)
    await producer.start()
    await producer.send_and_wait(config_topic, json.dumps({"topic": mqtt_topic}).encode(), key=b'"bench"')
    await producer.stop()


async def main(told: dict[str, Any]) -> None:
    config_topic = f"{told['kafka_topic']}.config"
    await declare(told["kafka"], config_topic, told["mqtt_topic"])

    def relay(_config: Any, _topic: str, payload: Any) -> Any:
        return Message(key=str(payload.raw["id"]), topic=told["kafka_topic"], value=Event.wrap(payload.raw))

    await Flechtwerk.of(
        application_id=told["client_id"],
        bootstrap_servers=told["kafka"],
        client_id=told["client_id"],
        stage=MqttExtractor.of(config_topics=[config_topic], relay=relay, drain_limit=told["batch"]),
        mqtt=MqttBrokerConfig(broker="127.0.0.1", port=told["mqtt_port"]),
        poll_interval=timedelta(seconds=told["interval"]),
        compression_type=told["compression"],
    ).run()


if __name__ == "__main__":
    uvloop.run(main(json.loads(sys.argv[1])))
