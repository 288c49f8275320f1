"""Which MQTT session ingest opens next: the engine's own, or first the one under the former fixed client id.

It also reports when the broker no longer has this engine's session, or grants less for it than was requested: what may
be lost is noted with 'unknown how many', as no broker reports a number.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec.structs import replace

from bridge.errors import RefusedError, SettingsError
from bridge.journal import Gap
from bridge.mqtt.client_id import FORMER, KeptId, SessionNotes, settled, shown
from bridge.mqtt.handover import begin_to_share, end_session, move_subscriptions
from bridge.phrase import Phrase

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from bridge.journal import Journal
    from bridge.mqtt.session import Session
    from bridge.settings import MqttSettings

__all__ = ["Due", "SessionTakeover", "Sessions"]


_SHORT: Final = 15.0
_ENOUGH: Final = 3
_FIRST: Final = 10.0
_LONGEST: Final = 300.0

_LOST: Final = "session"

_FORMER: Final = "former-session"

_QOS_0: Final = "qos-0"

_QOS_0_GAP: Final = "qos-0-gap"

_EXPIRY: Final = "session-expiry"

_log = logging.getLogger(__name__)


class SessionTakeover:
    """Detects from how long connections last whether another engine keeps taking the session."""

    __slots__ = ("_pause", "_short_lives")

    def __init__(self) -> None:
        self._short_lives = 0
        self._pause = _FIRST

    def closed(self, lived: float) -> bool:
        """Note that the broker closed an open connection without a reason.

        Args:
            lived: how many seconds it was open.

        Returns:
            Whether it is the third in a row that was open for less than 15 seconds.
        """
        if lived >= _SHORT:
            self._short_lives = 0
            self._pause = _FIRST
            return False
        self._short_lives += 1
        return self._short_lives >= _ENOUGH

    def away(self) -> None:
        """Note that a connection ended otherwise or could not be opened: no other engine took the session."""
        self._short_lives = 0

    def pause(self) -> float:
        """The seconds for which to leave the session to the other engine, growing from 10 to 300."""
        pause = self._pause
        self._pause = min(_LONGEST, pause * 2)
        return pause


class Due(NamedTuple):
    """The session to open.

    Attributes:
        mqtt: how to connect, including the client id.
        filters: what to subscribe to.
        former: whether it is the session of the former client id, to be emptied and ended.
        subscribed: the filters that it already has, if the broker still has the session.
        copies: whether QoS 0 messages waiting in it may be copies left by a move, which are to be ignored.
    """

    mqtt: MqttSettings
    filters: Sequence[str]
    former: bool
    subscribed: Collection[str] = ()
    copies: bool = False

    @property
    def name(self) -> str:
        """The client id as it is written in records and messages."""
        return shown(self.mqtt.client_id)


class Sessions:
    """Chooses the session and checks that the broker keeps it.

    Args:
        settings: the broker's.
        filters: the MQTT topic filters of the routes.
        journal: where a lost session is noted.
    """

    def __init__(self, settings: MqttSettings, filters: Sequence[str], journal: Journal) -> None:
        self._settings = settings
        self._filters = filters
        self._journal = journal
        self._kept = KeptId.of(settings)
        self._notes = self._kept or SessionNotes.of_named(settings)
        # An engine that was alone before may have a plain subscription; checked once, at the start.
        self._shares = frozenset(one for one in filters if one.startswith("$share/"))
        self._begins_to_share = bool(self._shares)
        # Over MQTT 5 a repeated SUBSCRIBE is harmless, and shows what the broker grants now.
        self._keeps_track = settings.version != "5" or self._begins_to_share
        self._known: dict[str, float] = {}
        """By filter, since when the session has it; only here while connecting, which may create another session."""
        self._left = False
        """Whether this process has opened a session at the broker."""
        self._missed = False
        """Whether the broker had lost it when something other than `Session` connected and so created an empty one."""
        self._fresh = False
        """Whether the session was created for this connection, so that a broker restored to an older state lacks it."""
        self._copies = False
        self._away_since = 0.0

    async def due(self) -> Due:
        """Choose the session to open now.

        Raises:
            UnreachableError: the broker does not answer.
            RefusedError: it refuses something, or the file with the client id can't be read or written.
        """
        own = self._settings
        url = own.url
        if self._kept is not None:
            try:
                own = replace(own, client_id=self._kept.read_or_make())
                for number, damage in enumerate(self._kept.damage):
                    self._journal.notes[f"damaged-id-{number}"] = damage
                if self._filters and not self._kept.former_ended_at(url):
                    former = replace(own, client_id=FORMER)
                    self._copies |= self._kept.former_may_hold(url)
                    if await self._move(former, own, self._kept):
                        _log.info("mqtt: taking in what waits under the earlier client id %r", FORMER)
                        return Due(former, (), former=True, copies=True)
                    if self._kept.former_may_hold(url):
                        self._former_lost()
                    self._kept.note_former(url, "ended")
            except SettingsError as error:
                advice = Phrase("make its folder writable for the engine, or name another with mqtt.client_id_file")
                raise RefusedError("mqtt", error.text, advice) from error
        # Until the answer to CONNECT arrives, the session may turn out to exist or to be new.
        self._known = self._notes.take_subscribed(url)
        if self._begins_to_share and not self._shares <= self._known.keys():
            self._known = {}
            self._missed |= not await begin_to_share(own, self._filters)
        self._begins_to_share = False
        subscribed = settled(self._known) if own.version != "5" and not self._missed else ()
        return Due(own, self._filters, former=False, subscribed=subscribed, copies=self._copies)

    async def end(self, due: Due) -> None:
        """End a former session that is empty.

        Raises:
            UnreachableError: the broker does not answer.
            RefusedError: it refuses the client, or the file beside the client id can't be written.
        """
        try:
            if self._kept is not None:
                self._kept.note_former(self._settings.url, "emptied")
            await end_session(due.mqtt)
            if self._kept is not None:
                self._kept.note_former(self._settings.url, "ended")
        except SettingsError as error:
            raise RefusedError("mqtt", error.text) from error

    async def give_up(self, due: Due) -> None:
        """End the engine's own session: another engine has what waits in it, or takes it from now on.

        Raises:
            UnreachableError: the broker does not answer.
            RefusedError: it refuses the client.
        """
        await end_session(due.mqtt)
        self._notes.forget(self._settings.url)
        self._left = self._missed = False

    def emptied(self) -> None:
        """Note that everything that waited in the own session was received."""
        self._copies = False

    def connected(self, session: Session) -> None:
        """Report where the broker no longer had a session that it should have."""
        missing = not session.kept or self._missed
        if missing:
            self._known = {}
        if missing and (self._left or self._notes.opened_at(self._settings.url)):
            self._own_lost()
        self._missed = False
        self._fresh = missing
        self._left = True
        self._notes.note_opened(self._settings.url)

    def former_connected(self, session: Session) -> None:
        """Report where the broker no longer has the session of the former client id, which it just had."""
        if not session.kept:
            self._former_lost()

    def granted(self, session: Session) -> None:
        """Keep what the session is subscribed to, and report where the broker does not grant QoS 1."""
        journal, url = self._journal, self._settings.url
        since = 0.0 if self._fresh else time.time()
        self._known = {one: self._known.get(one, since) for one, qos in session.granted.items() if qos}
        if self._keeps_track:
            self._notes.note_subscribed(url, self._known)
        journal.granted = dict(session.granted)
        lesser = ", ".join(repr(one) for one, qos in session.granted.items() if not qos)
        if not lesser:
            journal.notes.pop(_QOS_0, None)
        else:
            journal.notes[_QOS_0] = Phrase(
                "the broker grants only QoS 0 to {filters}: what is published there while this engine is away, or is "
                "killed, is lost; let the broker grant QoS 1 (of a Mosquitto: max_qos of its listener)",
                filters=lesser,
            )
            if self._away_since and not self._fresh:
                journal.gap(Gap.QOS_0)
                journal.notes[_QOS_0_GAP] = Phrase(
                    "{time}: what was published {since} on {filters} may be lost, unknown how many messages: the "
                    "broker grants only QoS 0 there",
                    time=time.strftime("%H:%M:%S"),
                    since=self._since(),
                    filters=lesser,
                )
        self._tell_expiry(session.expiry)

    def closed(self, session: Session) -> None:
        """Note that a connection ended, or was not made."""
        if session.granted:
            self._away_since = time.time()
        elif not session.asked and self._keeps_track:
            # Nothing answered, so nothing happened to the session.
            self._notes.note_subscribed(self._settings.url, self._known)

    def _tell_expiry(self, granted: int | None) -> None:
        wanted = self._settings.session_expiry
        if granted is None or granted >= wanted:
            self._journal.notes.pop(_EXPIRY, None)
        else:
            self._journal.notes[_EXPIRY] = Phrase(
                "the broker keeps what waits for this engine for {granted} s while it is away, and not for the "
                "{wanted} s of mqtt.session_expiry: raise the broker's own limit",
                granted=granted,
                wanted=wanted,
            )

    def _own_lost(self) -> None:
        nothing = self._settings.version == "5" and not self._settings.session_expiry
        self._journal.gap(Gap.SESSION)
        self._journal.notes[_LOST] = Phrase(
            "{time}: the broker at {url} no longer had this engine's session: what waited in it and what was published "
            "{since} is lost, unknown how many messages; {why}",
            time=time.strftime("%H:%M:%S"),
            url=self._settings.url,
            since=self._since(),
            why=Phrase("mqtt.session_expiry is 0, so the broker keeps nothing while the engine is away")
            if nothing
            else Phrase(
                "another client took its client id, the broker lost its data (is its persistence on?), or the engine "
                "was away for longer than mqtt.session_expiry or the broker's own limit"
            ),
        )

    def _former_lost(self) -> None:
        self._journal.gap(Gap.SESSION)
        self._journal.notes[_FORMER] = Phrase(
            "{time}: the broker at {url} no longer had the session of the earlier client id {former!r}: what waited in "
            "it is lost, unknown how many messages",
            time=time.strftime("%H:%M:%S"),
            url=self._settings.url,
            former=FORMER,
        )

    def _since(self) -> Phrase:
        now = time.strftime("%H:%M:%S")
        if not self._away_since:
            return Phrase("from this engine's last connection until {now}", now=now)
        then = time.strftime("%H:%M:%S", time.localtime(self._away_since))
        return Phrase("from {then} until {now}", then=then, now=now)

    async def _move(self, former: MqttSettings, own: MqttSettings, kept: KeptId) -> bool:
        url = self._settings.url

        def note_moved() -> None:
            kept.note_former(url, "moved")
            # From here on the own session exists and has the subscriptions.
            kept.note_opened(url)

        self._notes.take_subscribed(url)
        return await move_subscriptions(
            former, own, self._filters, moved=kept.moved_at(url), note_moved=note_moved, note_lost=self._own_lost
        )
