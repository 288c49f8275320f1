"""The Kafka side: the producer that ingest writes with and the consumer that apply reads with."""
