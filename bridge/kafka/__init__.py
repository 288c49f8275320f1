"""The Kafka clients: the producer with which ingest writes and the consumer from which apply reads."""
