"""From MQTT to Kafka: judged, keyed and acknowledged by the chunk."""
