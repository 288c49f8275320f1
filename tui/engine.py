"""What the screen asks of the engine: a journal to read and a few calls, each answered by a future."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from concurrent.futures import Future

    from bridge.apply.product_history import ProductHistory
    from bridge.infrastructure.facts import Facts
    from bridge.journal import DeadLetter, Journal, Journey, Product, Server
    from bridge.settings import Settings
    from bridge.simulator import Standing

__all__ = ["Engine"]


class Engine(Protocol):
    """The chain as the screen sees it; `bridge.embedded.EmbeddedChain` is the real one."""

    @property
    def settings(self) -> Settings:
        """What it was started with."""
        ...

    @property
    def journal(self) -> Journal:
        """What it wrote down lately; the screen only reads it."""
        ...

    @property
    def watches(self) -> bool:
        """Whether it only watches what another engine carries."""
        ...

    @property
    def read_only(self) -> bool:
        """Whether it refuses whatever would change anything."""
        ...

    @property
    def simulation(self) -> Standing:
        """How the simulated objects stand."""
        ...

    def start(self) -> None:
        """Start the chain on a thread of its own; returns at once, whatever is away."""
        ...

    def stop(self, deadline: float | None = None) -> None:
        """Drain and stop; blocks for `deadline` seconds at most, None takes the engine's own."""
        ...

    def publish(self, payload: bytes, topic: str | None = None) -> Future[Journey]:
        """Publish a payload; done when the broker has it, failed with a PublishError where it has not."""
        ...

    def replay(self, letter: DeadLetter, payload: bytes | None = None) -> Future[Journey]:
        """Send a dead letter again under a new identity, with another payload where one is given."""
        ...

    def letters(self) -> Future[list[DeadLetter]]:
        """Read the dead letters that stand in Kafka, later those that came since; done once Kafka answers."""
        ...

    def movements_of(self, product: Product, after: int = 0) -> Future[ProductHistory]:
        """Read a product's movements from the ledger, the newest first; `after` asks for later ones alone.

        Failed with a ServerError where Strapi does not answer or keeps no ledger.
        """
        ...

    def look_at(self, server: Server) -> Future[Facts]:
        """Ask a server what is known of it now; failed with a ServerError where it does not answer or refuses."""
        ...

    def start_simulator(self, objects: int, rate: float) -> Future[None]:
        """Let simulated objects send so many messages a second; failed where there is no product to move."""
        ...

    def stop_simulator(self) -> Future[None]:
        """Let them send no more."""
        ...

    def take_over(self) -> Future[None]:
        """Carry the chain from now on instead of watching it."""
        ...

    def apply_missing(self) -> Future[tuple[int, int, int]]:
        """Apply again what Strapi's ledger lacks; how many were applied, known before, and can't be applied."""
        ...

    def pause_apply(self) -> Future[None]:
        """Let movements wait in Kafka."""
        ...

    def resume_apply(self) -> Future[None]:
        """Go on applying."""
        ...

    def pause_ingest(self) -> Future[None]:
        """Let messages wait at the broker."""
        ...

    def resume_ingest(self) -> Future[None]:
        """Go on taking messages from the broker."""
        ...
