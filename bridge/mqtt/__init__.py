"""The MQTT clients: a session that reads in chunks and acknowledges explicitly, and a publisher."""
