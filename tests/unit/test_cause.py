"""The explanation of exceptions for the user."""

from __future__ import annotations

import errno
import os

import pytest
from aiokafka.errors import KafkaConnectionError, KafkaTimeoutError, NodeNotReadyError

from bridge.errors import cause_of


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (None, ""),
        (KafkaConnectionError("Unable to bootstrap from [('127.0.0.1', 9092, <AddressFamily.AF_INET: 2>)]"), ""),
        (NodeNotReadyError("Attempt to send a request to node which is not ready (node id 1)."), "Attempt to send a"),
        (KafkaTimeoutError(), "kafka timeout"),
        (TimeoutError(), "no answer in time"),
        (OSError(errno.ECONNREFUSED, "Connect call failed ('127.0.0.1', 9092)"), "the connection was refused"),
        (OSError(errno.EHOSTUNREACH, os.strerror(errno.EHOSTUNREACH)), "No route to host"),
        (RuntimeError("[Errno -2] Name or service not known"), "Name or service not known"),
    ],
)
def test_the_reason_stands_without_names_of_classes_and_representations(
    error: BaseException | None, expected: str
) -> None:
    assert cause_of(error).startswith(expected)
    assert cause_of(error) == "" or expected
