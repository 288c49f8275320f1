"""The MQTT side: a session that is read by the chunk and acknowledged by hand, and a publisher."""
