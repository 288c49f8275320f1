"""HTTP requests to Strapi, with JSON answers, and failures classified by what the caller can do.

There are failures worth a retry (network, timeout, 408, 429, 5xx), failures that the user must fix (401, 403, a wrong
address), and requests that will never succeed (any other 4xx), as in Strapi's documentation of its REST errors.
"""

from __future__ import annotations

import contextlib
import functools
import ssl
import time
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import httpx
import msgspec

from bridge.errors import RefusedError, RejectedError, SettingsError, UnreachableError, cause_of
from bridge.phrase import Phrase
from bridge.text import readable
from bridge.tls import certificate_refusal, trust

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from bridge.settings import StrapiSettings

__all__ = ["BusyError", "StrapiClient", "StrapiRejectedError", "Token"]

LONGEST_RETRY_AFTER: Final = 120.0
"""The longest pause in seconds that a `Retry-After` can impose."""

_NO_JSON: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_NO_ONE: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

# Node closes idle connections after 5 s; a request sent at that moment is lost.
_KEEPALIVE: Final = 3.0


_HEADERS: Final = {"Accept": "application/json", "Accept-Encoding": "gzip, deflate", "User-Agent": "opsci-bridge"}


class Token:
    """The token as last read; its text never appears in a representation.

    Args:
        settings: Strapi's; `token` takes precedence over `token_file`.
    """

    __slots__ = ("_file", "_text")

    def __init__(self, settings: StrapiSettings) -> None:
        self._text = settings.token.strip()
        self._file = Path(settings.token_file).expanduser() if settings.token_file and not self._text else None
        self.read()

    def __repr__(self) -> str:
        return f"Token({self.source})"

    @property
    def source(self) -> str:
        """The source of the token, for the user."""
        if self._file is not None:
            return f"the token file {self._file}"
        return "the setting strapi.token" if self._text else "no token: set strapi.token_file"

    @property
    def headers(self) -> dict[str, str]:
        """The header with the token; empty without a token."""
        return {"Authorization": f"Bearer {self._text}"} if self._text else {}

    def read(self) -> bool:
        """Read the file again.

        Returns:
            Whether the token has changed. A file that is missing, or whose content can't be sent, counts as no token.
        """
        if self._file is None:
            return False
        try:
            found = self._file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            found = ""
        if not found.isprintable():
            found = ""
        changed, self._text = found != self._text, found
        return changed


class BusyError(UnreachableError):
    """Strapi, or a proxy before it, is busy.

    Args:
        what: what happened, for the user.
        after: seconds to wait, 0 if the answer does not say.
    """

    def __init__(self, what: str, after: float) -> None:
        super().__init__("strapi", what)
        self.after = after


class StrapiRejectedError(RejectedError):
    """Strapi answers 4xx: this request will never succeed.

    Args:
        what: what happened, for the user.
        status: the HTTP status, 400 to 499.
        message: Strapi's explanation.
    """

    def __init__(self, what: str, status: int, message: str) -> None:
        super().__init__("strapi", what)
        self.status = status
        self.message = message


class StrapiClient:
    """A client of one Strapi.

    Args:
        settings: its address and token.
        transport: sends the requests, for tests; None for the network.
    """

    def __init__(self, settings: StrapiSettings, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.settings = settings
        self._token = Token(settings)
        self._given = transport
        self._made: httpx.AsyncBaseTransport | None = None
        self._address = settings.url.rstrip("/")
        self._limits = httpx.Timeout(settings.timeout).as_dict()
        self.clock_ahead: float | None = None
        """Seconds by which this machine's clock is ahead of Strapi's, to a second; None before an answer."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        made, self._made = self._made, None
        if made is not None:
            await made.aclose()

    def renew_token(self) -> bool:
        """Read the token's file again.

        Returns:
            Whether the token has changed.
        """
        return self._token.read()

    def _transport(self) -> httpx.AsyncBaseTransport:
        """What carries the requests.

        It is asked directly: the cookies, redirects and joined addresses of `httpx.AsyncClient` are nothing that
        Strapi's API needs, and with them a request costs the engine nearly twice as much.
        """
        if self._made is None:
            self._made = self._given
        if self._made is None:
            settings = self.settings
            try:
                secured = settings.url.startswith("https:")
                # Without TLS no certificate is verified, which saves loading the system's authorities.
                verify = trust(settings.ca_file, "strapi.ca_file") if secured else _NO_ONE
            except SettingsError as error:
                advice = Phrase("correct the setting or the file; it is read again by itself")
                raise RefusedError("strapi", error.text, advice) from error
            self._made = httpx.AsyncHTTPTransport(
                limits=httpx.Limits(max_connections=20, max_keepalive_connections=10, keepalive_expiry=_KEEPALIVE),
                trust_env=False,
                verify=verify,
            )
        return self._made

    async def get(self, path: str, query: Mapping[str, str | int] | None = None) -> Any:
        """Make a GET request; the errors are those of `call`."""
        return await self.call("GET", path, query=query, idempotent=True)

    async def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: Mapping[str, str | int] | None = None,
        idempotent: bool = False,
        shape: Any = Any,
    ) -> Any:
        """Make one request.

        Args:
            method: the HTTP method.
            path: relative to the address, for example `/api/products`.
            body: sent as JSON; None sends nothing.
            query: the names and values of the query.
            idempotent: whether the request may be sent twice; if Strapi closes the connection at that moment, it is
                then repeated without an error.
            shape: the type into which the answer is decoded.

        Returns:
            The decoded answer, None if it is empty.

        Raises:
            UnreachableError: no answer, or one that a retry may change.
            RefusedError: the token, its rights or the address are wrong: the user must act.
            StrapiRejectedError: the request will never succeed.
            msgspec.ValidationError: the answer is JSON of another shape.
        """
        answer = await self._send(method, path, body, query, again=idempotent)
        if answer.status_code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN} and self._token.read():
            # Nothing was carried out, so a repeat with the new token can't do it twice.
            answer = await self._send(method, path, body, query, again=idempotent)
        self._look_at_clock(answer)
        if not answer.is_success:
            raise self._failure(method, path, answer)
        if not answer.content:
            return None
        try:
            return msgspec.json.decode(answer.content, type=shape)
        except msgspec.ValidationError:
            raise
        except _NO_JSON as error:
            raise UnreachableError(
                "strapi",
                Phrase(
                    "what answers {method} {path} is not Strapi: {text!r}",
                    method=method,
                    path=self._at(path),
                    text=_cut(answer.text),
                ),
                Phrase("check the setting strapi.url"),
            ) from error

    async def _send(
        self, method: str, path: str, body: object, query: Mapping[str, str | int] | None, *, again: bool
    ) -> httpx.Response:
        headers = self._token.headers | _HEADERS
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = msgspec.json.encode(body)
        try:
            url = httpx.URL(self._address + path, params=query) if query else _url(self._address + path)
            request = httpx.Request(method, url, headers=headers, content=content, extensions={"timeout": self._limits})
            try:
                return await self._exchange(request)
            except httpx.RemoteProtocolError:
                if not again:
                    raise
                return await self._exchange(request)
        except httpx.TimeoutException as error:
            raise UnreachableError(
                "strapi",
                Phrase(
                    "Strapi at {url} did not answer {method} {path} within {timeout:g} s",
                    url=self.settings.url,
                    method=method,
                    path=path,
                    timeout=self.settings.timeout,
                ),
                Phrase("is it overloaded or paused?"),
            ) from error
        except (httpx.TransportError, httpx.InvalidURL) as error:
            if refusal := certificate_refusal("strapi", self.settings.url, "strapi.ca_file", error):
                # The next call reads the CA file again, which may have been replaced.
                await self.close()
                raise refusal from error
            why = f": {cause}" if (cause := cause_of(error)) else ""
            raise UnreachableError(
                "strapi",
                Phrase("Strapi does not answer at {url}{why}", url=self.settings.url, why=why),
                Phrase("is Strapi running there?"),
            ) from error

    async def _exchange(self, request: httpx.Request) -> httpx.Response:
        answer = await self._transport().handle_async_request(request)
        try:
            await answer.aread()
        finally:
            # Whoever is cancelled meanwhile leaves no connection behind that seems to be in use.
            await answer.aclose()
        return answer

    def _look_at_clock(self, answer: httpx.Response) -> None:
        # The date of the answer (RFC 9110 section 6.6.1), truncated to a second. Its time in transit is ignored.
        with contextlib.suppress(KeyError, ValueError):
            said = parsedate_to_datetime(answer.headers["date"]).timestamp() + 0.5
            self.clock_ahead = time.time() - said

    def _failure(
        self, method: str, path: str, answer: httpx.Response
    ) -> UnreachableError | RefusedError | StrapiRejectedError:
        status = answer.status_code
        message = _message(answer)
        said = f"{status}{f' {message}' if message else ''} to {method} {self._at(path)}"
        if status == HTTPStatus.UNAUTHORIZED:
            return RefusedError(
                "strapi",
                Phrase("Strapi does not know the token: {said}", said=said),
                Phrase(
                    "put a valid API token in {source}; or does another Strapi answer at that address?",
                    source=self._token.source,
                ),
            )
        if status == HTTPStatus.FORBIDDEN:
            return RefusedError(
                "strapi",
                Phrase("Strapi refuses the token this right: {said}", said=said),
                Phrase(
                    "give the API token the right in Strapi's settings, or another token ({source})",
                    source=self._token.source,
                ),
            )
        if status in {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS} or status >= 500:
            return BusyError(f"Strapi answers {said}", _retry_after(answer))
        if status < 400:
            where = readable(answer.headers.get("location", "elsewhere"))
            return RefusedError(
                "strapi",
                Phrase("Strapi redirects to {where}: {said}", where=where, said=said),
                Phrase("set strapi.url to where it is"),
            )
        return StrapiRejectedError(Phrase("Strapi answers {said}", said=said), status, message)

    def _at(self, path: str) -> str:
        return f"{self.settings.url.rstrip('/')}{path}"


@functools.lru_cache(256)
def _url(address: str) -> httpx.URL:
    """An address that is asked again and again, read once."""
    return httpx.URL(address)


def _message(answer: httpx.Response) -> str:
    with contextlib.suppress(*_NO_JSON, TypeError, KeyError):
        return _cut(str(msgspec.json.decode(answer.content)["error"]["message"]))
    return answer.reason_phrase


def _retry_after(answer: httpx.Response) -> float:
    # The date form of RFC 9110 section 10.2.3 is ignored; then the usual pauses apply.
    said = answer.headers.get("retry-after", "")
    return min(float(said), LONGEST_RETRY_AFTER) if said.isascii() and said.isdecimal() else 0.0


def _cut(text: str, limit: int = 200) -> str:
    text = readable(text)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
