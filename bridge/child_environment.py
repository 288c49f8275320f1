"""The environments of the programs that we start: a program that has no use for a secret is not given one.

What is in a process's environment can be read in `/proc/PID/environ` by every process of the same user and by root, and
lands in crash reports. Standard library only.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["server_environment", "without_secrets"]

_KEPT: Final = re.compile(
    r"PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|LC_\w+|TZ|TMPDIR|TERM|NO_COLOR|LD_\w+|MALLOC_\w+|XDG_\w+"
    r"|SSL_CERT_(FILE|DIR)|NODE_OPTIONS|NODE_EXTRA_CA_CERTS|(JAVA|JDK_JAVA|_JAVA)_\w+|PYTHON\w*|VIRTUAL_ENV"
    r"|OPSCI_TEST_\w+"
)
"""What tells a program where it is and how it runs."""

_SECRET: Final = re.compile(r"(?i)\w*(TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL|API_?KEY|PRIVATE_?KEY)\w*")
_OF_INSTALLERS: Final = re.compile(r"(?i)(NPM|PIP|UV|NODE_AUTH|MAVEN|MVN|CARGO)_\w+")
"""What package registries ask for."""


def server_environment(environ: Mapping[str, str], *more: str) -> dict[str, str]:
    """What a server is told of an environment: nothing but what every program needs.

    Args:
        environ: the environment: `os.environ`.
        more: prefixes of further variables that it reads.
    """
    kept = {name: value for name, value in environ.items() if _KEPT.fullmatch(name) or name.startswith(more)}
    return {**kept, **_utf8(environ)}


def without_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """An environment for installers and other tools: all but what is named as a secret and is none of theirs."""
    kept = {
        name: value for name, value in environ.items() if _OF_INSTALLERS.fullmatch(name) or not _SECRET.fullmatch(name)
    }
    return {**kept, **_utf8(environ)}


def _utf8(environ: Mapping[str, str]) -> dict[str, str]:
    """A locale of UTF-8, where the environment has another: Java finds no file whose name its locale can't spell.

    Names of files are bytes for Linux, and UTF-8 for all of our programs; the language of messages stays as it is.
    """
    locale = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or ""
    if re.search(r"(?i)utf-?8", locale):
        return {}
    if not environ.get("LC_ALL"):
        return {"LC_CTYPE": "C.UTF-8"}
    return {"LC_ALL": "C.UTF-8"}
