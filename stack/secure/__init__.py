"""The secured profile: certificates, users and passwords, for servers that reject anonymous clients."""
