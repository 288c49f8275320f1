"""Seeds a Strapi that has no products; run by the compose file's service `catalogue` at each start."""

from __future__ import annotations

import os
import ssl
import sys
from pathlib import Path

from stack.errors import SeedError
from stack.seed import seed_catalogue

__all__: list[str] = []


def _main(url: str, token_file: str) -> None:
    authority = os.environ.get("STRAPI_CA_FILE")
    trust = ssl.create_default_context(cafile=authority) if authority else None
    try:
        made, there = seed_catalogue(url, Path(token_file).read_text().strip(), trust, only_first=True)
    except SeedError as error:
        sys.exit(str(error))
    print(f"{made} products made, {there} there already")


if __name__ == "__main__":
    _main(*sys.argv[1:])
