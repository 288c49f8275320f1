"""From MQTT to Kafka: map each message to a record, write it, then acknowledge it to the broker."""
