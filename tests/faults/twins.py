"""Two Strapis on one PostgreSQL: the same application twice, with the same secrets and tokens, on two ports."""

from __future__ import annotations

import shutil
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from stack.ports import random_ports
from stack.servers.health import ask_strapi
from stack.servers.strapi import launch_strapi
from tests.chain.postgres import PostgresStack

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from stack.install import Programs
    from stack.run_state import RunState
    from stack.servers.server import Launch
    from tests.chain.postgres import Server

__all__ = ["TwinStack"]

_TWIN: Final = "strapi-2"


class TwinStack(PostgresStack):
    """The servers of a chain whose Strapi runs twice; the second one is the server `strapi-2`.

    Args:
        state: the state folder.
        server: the PostgreSQL that both write to.
        servers: the other servers.
        brokers: number of Kafka brokers.
    """

    def __init__(self, state: Path, server: Server, servers: Collection[str], brokers: int = 1) -> None:
        super().__init__(state, server, servers, brokers)
        self.twins = {_TWIN: random_ports().strapi}
        """The port of the second one, by its name."""

    def start(self, *told: Callable[..., None]) -> bool:
        """Start the servers, and the second Strapi once the first has created the tables and the tokens."""
        started = super().start(*told)
        self.start_server(_TWIN)
        return started

    def _launch(self, name: str, record: RunState, programs: Programs) -> Launch:
        if name != _TWIN:
            return super()._launch(name, record, programs)
        port = self.twins[_TWIN]
        paths = replace(self.paths, state=self.paths.state / "twin")
        (paths.state / "strapi").mkdir(parents=True, exist_ok=True, mode=0o700)
        # What the other one signs and hashes with, this one has to know.
        shutil.copyfile(self.paths.state / "strapi" / "secrets.json", paths.state / "strapi" / "secrets.json")
        database = self._server.environment
        launch = launch_strapi(paths, programs, replace(record.ports, strapi=port), self._damage)
        files = {
            "OPSCI_BRIDGE_TOKEN_FILE": str(self.paths.bridge_token),
            "OPSCI_READ_TOKEN_FILE": str(self.paths.read_token),
            "OPSCI_ADMIN_PASSWORD_FILE": str(self.paths.admin_password),
        }
        return replace(
            launch,
            name=_TWIN,
            environment={**launch.environment, **database, **files},
            checks={f"Strapi on port {port}": partial(ask_strapi, port, None)},
        )
