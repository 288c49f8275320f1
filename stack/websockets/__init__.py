"""MQTT over websockets in front of a broker that speaks MQTT over TCP, for the pages that may use it and no others."""
