"""Helper programs of the compose files: secrets, certificates, topics and the catalogue."""
