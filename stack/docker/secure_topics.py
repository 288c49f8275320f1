"""Creates the topics and grants the engine its rights; run by the service `topics` of compose.secure.yaml."""

from __future__ import annotations

import ssl
import sys
from pathlib import Path

from stack.servers.kafka import give_rights, make_topics

__all__: list[str] = []


def _main(broker: str, authority: str, password_file: str) -> None:
    options = {
        "security_protocol": "SASL_SSL",
        "ssl_context": ssl.create_default_context(cafile=authority),
        "sasl_mechanism": "PLAIN",
        "sasl_plain_username": "admin",
        "sasl_plain_password": Path(password_file).read_text().strip(),
    }
    make_topics(broker, options)
    give_rights(broker, options)


if __name__ == "__main__":
    _main(*sys.argv[1:])
