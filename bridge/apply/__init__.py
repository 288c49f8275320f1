"""From Kafka to Strapi: merged, applied once, committed after the verdicts."""
