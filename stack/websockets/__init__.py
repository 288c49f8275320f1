"""MQTT over websockets in front of a broker that speaks MQTT over TCP, for allowed web pages only."""
