"""The environments of programs that we start, without secrets they do not need.

Every process of the same user, and root, can read a process's environment in `/proc/PID/environ`, and it is included in
crash reports. Standard library only.
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
"""Variables that every program needs."""

_SECRET: Final = re.compile(r"(?i)\w*(TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL|API_?KEY|PRIVATE_?KEY)\w*")
_OF_INSTALLERS: Final = re.compile(r"(?i)(NPM|PIP|UV|NODE_AUTH|MAVEN|MVN|CARGO)_\w+")
"""Variables for package registries."""


def server_environment(environ: Mapping[str, str], *more: str) -> dict[str, str]:
    """The environment for a server: only what every program needs.

    Args:
        environ: the environment: `os.environ`.
        more: prefixes of further variables that it reads.
    """
    kept = {name: value for name, value in environ.items() if _KEPT.fullmatch(name) or name.startswith(more)}
    return {**kept, **_utf8(environ)}


def without_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for installers and other tools: everything but secrets, except for the installers' own."""
    kept = {
        name: value for name, value in environ.items() if _OF_INSTALLERS.fullmatch(name) or not _SECRET.fullmatch(name)
    }
    return {**kept, **_utf8(environ)}


def _utf8(environ: Mapping[str, str]) -> dict[str, str]:
    """Set a UTF-8 locale where the environment has another: Java can't open files whose names its locale can't encode.

    File names are bytes on Linux, and UTF-8 in all of our programs; the language of messages is unchanged.
    """
    locale = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or ""
    if re.search(r"(?i)utf-?8", locale):
        return {}
    if not environ.get("LC_ALL"):
        return {"LC_CTYPE": "C.UTF-8"}
    return {"LC_ALL": "C.UTF-8"}
