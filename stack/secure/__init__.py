"""The secured profile: certificates, users and their passwords, for servers that let no one in by default."""
