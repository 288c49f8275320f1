"""An MQTT 5 client that exposes the PUBACK's code and notices a lost connection at once, unlike aiomqtt."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any, Final, Literal

import aiomqtt
from paho.mqtt.enums import MQTTErrorCode

from bridge.mqtt._private import OwnSocketClient, abandon

if TYPE_CHECKING:
    import ssl

    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode

__all__ = ["PubackClient"]

_quiet = logging.getLogger("tests.faults.puback.client")
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False

_NO_SUBSCRIBERS: Final = 0x10


class PubackClient(OwnSocketClient):
    """A publisher's client.

    Args:
        transport: `tcp` or `websockets`.
        port: on 127.0.0.1.
        patience: seconds to wait for an answer.
        tls: the TLS context, None for a listener without TLS.
        login: the user and the password, if the broker requires them.
    """

    def __init__(
        self,
        transport: Literal["tcp", "websockets"],
        port: int,
        patience: float,
        *,
        tls: ssl.SSLContext | None = None,
        login: tuple[str, str] | None = None,
    ) -> None:
        super().__init__(
            "127.0.0.1",
            port,
            transport=transport,
            protocol=aiomqtt.ProtocolVersion.V5,
            timeout=patience,
            keepalive=5,
            logger=_quiet,
            tls_context=tls,
            username=login[0] if login else None,
            password=login[1] if login else None,
        )
        self._answers: dict[int, asyncio.Future[ReasonCode]] = {}

    async def send(self, topic: str, payload: bytes, properties: Properties) -> bool:
        """Publish at QoS 1.

        Returns:
            Whether a subscriber matched; False if nobody is subscribed.

        Raises:
            aiomqtt.MqttError: no PUBACK came, or one that refuses the message.
        """
        info = self._client.publish(topic, payload, 1, properties=properties)
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise aiomqtt.MqttCodeError(info.rc, "not sent")
        answer = self._answers[info.mid] = asyncio.get_running_loop().create_future()
        try:
            code = await asyncio.wait_for(answer, self.timeout)
        except TimeoutError:
            raise aiomqtt.MqttError("no PUBACK in time") from None
        finally:
            self._answers.pop(info.mid, None)
        if code.is_failure:
            raise aiomqtt.MqttCodeError(code, "refused")
        return bool(code.value != _NO_SUBSCRIBERS)

    async def leave(self) -> None:
        """Disconnect, if still connected."""
        with contextlib.suppress(aiomqtt.MqttError, OSError):
            await self.__aexit__(None, None, None)
        if self._disconnected.done() and not self._disconnected.cancelled():
            # Else asyncio complains that no one looked why the connection was lost.
            self._disconnected.exception()
        # A connection that was made and never let in stays open otherwise.
        abandon(self)

    def _on_publish(self, client: Any, userdata: Any, mid: int, reason_code: Any, properties: Any) -> None:
        answer = self._answers.get(mid)
        if answer is not None and not answer.done():
            answer.set_result(reason_code)

    def _on_disconnect(self, *given: Any, **named: Any) -> None:
        super()._on_disconnect(*given, **named)
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(aiomqtt.MqttError("the connection was lost"))
