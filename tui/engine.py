"""The interface between the screen and the engine: a journal to read and calls that return futures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from concurrent.futures import Future

    from bridge.apply.product_history import ProductHistory
    from bridge.infrastructure.facts import Facts
    from bridge.journal import DeadLetter, Journal, Journey, Product, Server
    from bridge.settings import Settings
    from bridge.simulator import SimulatorStatus

__all__ = ["Engine"]


class Engine(Protocol):
    """The chain as the screen sees it, implemented by `bridge.embedded.EmbeddedChain`."""

    settings: Settings
    """The settings it was started with; saved ones of the screen replace theirs here."""

    @property
    def journal(self) -> Journal:
        """Its journal, which the screen only reads."""
        ...

    @property
    def watches(self) -> bool:
        """Whether it only watches what another engine carries."""
        ...

    @property
    def read_only(self) -> bool:
        """Whether it refuses everything that would change something."""
        ...

    @property
    def simulation(self) -> SimulatorStatus:
        """The state of the simulated objects."""
        ...

    def start(self) -> None:
        """Start the chain on its own thread; returns at once, even if servers are unreachable."""
        ...

    def stop(self, deadline: float | None = None) -> None:
        """Drain and stop; blocks for at most `deadline` seconds, None for the engine's own deadline."""
        ...

    def publish(self, payload: bytes, topic: str | None = None) -> Future[Journey]:
        """Publish a payload; done once the broker acknowledges it, else fails with PublishError."""
        ...

    def replay(self, letter: DeadLetter, payload: bytes | None = None) -> Future[Journey]:
        """Resend a dead letter under a new identity, optionally with another payload."""
        ...

    def letters(self) -> Future[list[DeadLetter]]:
        """Read the dead letters in Kafka, on later calls only the new ones; done once Kafka answers."""
        ...

    def movements_of(self, product: Product, after: int = 0) -> Future[ProductHistory]:
        """Read a product's movements from the ledger, newest first; `after` limits them to later ones.

        Fails with ServerError if Strapi does not answer or keeps no ledger.
        """
        ...

    def read_facts(self, server: Server) -> Future[Facts]:
        """Ask a server for its current facts; fails with ServerError if it does not answer or refuses."""
        ...

    def start_simulator(self, objects: int, rate: float, errors: float = 0.0) -> Future[None]:
        """Let simulated objects send messages at a rate per second, a share of them errors; fails without products."""
        ...

    def stop_simulator(self) -> Future[None]:
        """Stop the simulated objects."""
        ...

    def take_over(self) -> Future[None]:
        """Carry the chain from now on instead of watching it."""
        ...

    def apply_missing(self) -> Future[tuple[int, int, int]]:
        """Apply again what Strapi's ledger lacks; counts those applied, known before, and impossible to apply."""
        ...

    def reset_counters(self) -> Future[None]:
        """Set the journal's counters to zero; records, stock and the backlog stay."""
        ...

    def pause_apply(self) -> Future[None]:
        """Let movements wait in Kafka."""
        ...

    def resume_apply(self) -> Future[None]:
        """Resume applying."""
        ...

    def pause_ingest(self) -> Future[None]:
        """Let messages wait at the broker."""
        ...

    def resume_ingest(self) -> Future[None]:
        """Resume taking messages from the broker."""
        ...
