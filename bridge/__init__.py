"""The engine: MQTT into Kafka, Kafka into Strapi, nothing lost and nothing counted twice."""
