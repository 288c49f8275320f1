"""The names of the Kafka headers that our records carry, beside the MQTT 5 user properties under their own names."""

from __future__ import annotations

from typing import Final

__all__ = ["MQTT_DELIVERY", "MQTT_RECEIVED_AT", "MQTT_TOPIC"]

MQTT_TOPIC: Final = "mqtt-topic"
"""The topic that the message came on."""

MQTT_RECEIVED_AT: Final = "mqtt-received-at"
"""When it came, in milliseconds since the epoch, as decimal text."""

MQTT_DELIVERY: Final = "mqtt-delivery"
"""`client-id/packet-id/run/sequence` of a message without an identity from its publisher; see
`bridge.ingest.delivery`."""
