"""The stock in Strapi, whichever way this Strapi takes movements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.errors import RefusedError, UnreachableError
from bridge.phrase import Phrase
from bridge.strapi.client import StrapiRejectedError
from bridge.strapi.decision import Decision, Outcome
from bridge.strapi.flavour import Flavour, detect
from bridge.strapi.ledger import LEDGER_ROUTE, Ledger
from bridge.strapi.rest import PlainRest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.strapi.client import StrapiClient
    from bridge.strapi.decision import Order

__all__ = ["Stock"]


class Stock:
    """Applies movements, and finds out how: at first, and again after Strapi was away, as another may stand there.

    Args:
        client: the Strapi.

    Attributes:
        flavour: how this Strapi takes movements, None while it is not known.
    """

    def __init__(self, client: StrapiClient) -> None:
        self.flavour: Flavour | None = None
        self._client = client
        self._ledger = Ledger(client)
        self._rest = PlainRest(client)

    @property
    def exact(self) -> bool:
        """Whether a crash counts no movement twice; True while nothing says otherwise."""
        return self.flavour in {None, Flavour.LEDGER} or self._rest.exact is not False

    async def apply(self, orders: Sequence[Order]) -> list[Decision]:
        """Apply a batch of 1 to 1,000 movements in order.

        Returns:
            A decision for each, in the same order.

        Raises:
            UnreachableError: no answer came; apply the same batch again.
            RefusedError: a person must act first; then apply the same batch again.
        """
        if self.flavour is None:
            self.flavour = await detect(self._client)
        try:
            if self.flavour is Flavour.LEDGER:
                return await self._ledger.apply(orders)
            if self.flavour is None:
                return [Decision(Outcome.UNKNOWN_PRODUCT)] * len(orders)
            return await self._rest.apply(orders, documents=self.flavour is Flavour.REST5)
        except UnreachableError:
            self.flavour = None
            raise
        except StrapiRejectedError as error:
            self.flavour = None
            if self._client.settings.mode == "ledger":
                raise RefusedError(
                    "strapi",
                    Phrase("this Strapi has no {route}", route=LEDGER_ROUTE),
                    Phrase("use the application of stack/strapi, or set strapi.mode to auto"),
                ) from error
            raise UnreachableError(
                "strapi", error.what, Phrase("another Strapi may stand there; it is looked at again")
            ) from (error)
