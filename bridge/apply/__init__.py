"""From Kafka to Strapi: apply each movement once, then commit its offset."""
