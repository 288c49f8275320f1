"""The outbox: movements that this program published, kept until they are in the stock."""

from bridge.backoff import pause_before
from bridge.outbox.outbox import LONGEST, MOST, Outbox
from bridge.outbox.store import Kept, Store, outbox_folder

__all__ = ["LONGEST", "MOST", "Kept", "Outbox", "Store", "outbox_folder", "pause_before"]
