"""`certs`: make the authority and the servers' certificates, and say where everything is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from stack.secure.certificates import make_certificates
from stack.secure.door import Door

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stack.places import Places

__all__ = ["show_certificates"]


def show_certificates(places: Places, folder: Path | None, hosts: Sequence[str]) -> int:
    """Make what is missing or ends within 30 days, and print each with its files.

    Args:
        places: the secured state, whose own certificates these are by default.
        folder: another folder for them.
        hosts: names and addresses that the servers are called by beside localhost.

    Raises:
        StackError: openssl is missing or failed, or the folder can't be used.
    """
    if folder is None:
        places.claim(secure=True)
    target = Path.absolute(folder.expanduser()) if folder else Door(places.door).certificates
    found = make_certificates(target, hosts)
    for certificate in found:
        word = "made" if certificate.made else "kept"
        print(f"{word} {certificate.name:<10} {certificate.certificate}  until {certificate.end}")
    names = (target / "hosts").read_text().split()
    print(f"good for   {', '.join(names)}")
    print(f"keys       beside them, {target}/*.key, for you alone; Kafka's with its certificate: kafka.keystore.pem")
    print(f"trust      {target / 'ca.pem'}: the engine by its ca_file settings, a browser as an authority for websites")
    if any(certificate.made for certificate in found[1:]):
        print("servers that run take new certificates when they start again")
    return 0
