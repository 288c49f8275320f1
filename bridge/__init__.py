"""The engine: MQTT to Kafka, Kafka to Strapi, without loss or double counting."""
