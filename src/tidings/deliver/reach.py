"""Whom a webhook may reach: public addresses only, unless the configuration names others.

A name is looked up once, what it gave is looked at, and the connection goes to that very address: a name that changes its
answer in between leads nowhere else. What is private by another spelling (IPv4 inside IPv6, translated networks) is private.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from tidings.errors import InputError

Address = IPv4Address | IPv6Address
Networks = Sequence[IPv4Network | IPv6Network]

MAX_ADDRESSES = 4
"""Addresses of one name that are tried."""
_SPECIAL = (ipaddress.IPv4Network("192.0.0.0/24"), ipaddress.IPv4Network("192.88.99.0/24"))
"""Protocol assignments and relays: no machine of anybody's."""
_NAT64 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))


class RefusedAddress(Exception):
    """A webhook may not go there; `word` says why, as in the event."""

    def __init__(self, word: str, sentence: str) -> None:
        super().__init__(f"{word}: {sentence}")
        self.word = word


def networks(text: str) -> Networks:
    """Networks of the configuration, separated by commas. Raises InputError."""
    found = []
    for one in filter(None, (part.strip() for part in text.split(","))):
        try:
            found.append(ipaddress.ip_network(one))
        except ValueError as error:
            msg = f"webhooks.private_networks: {error}; wanted networks such as 127.0.0.0/8, 10.1.2.3/32"
            raise InputError(msg) from error
    return found


def inner(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, if it does."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    compatible = 1 < int(address) < 1 << 32  # ::1 and :: are what they are
    if compatible or any(address in one for one in _NAT64):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def is_public(address: Address) -> bool:
    """Whether the address is one of the internet's, and of one machine."""
    shown = inner(address)
    special = any(shown in one for one in _SPECIAL) or (isinstance(shown, IPv6Address) and shown.is_site_local)
    return shown.is_global and not (shown.is_multicast or shown.is_reserved or special)


def permitted(address: Address, allowed: Networks) -> bool:
    """Whether a webhook may go there. A private address must be allowed as what it really is."""
    return is_public(address) or any(inner(address) in one for one in allowed)


async def find(host: str, port: int, *, secure: bool, allowed: Networks) -> list[str]:
    """The addresses to try, in order. Raises RefusedAddress, and OSError when the name has none."""
    looked_up = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    found = [ipaddress.ip_address(str(one[4][0]).partition("%")[0]) for one in looked_up]
    usable = [one for one in found if permitted(one, allowed)]
    if not usable:
        raise RefusedAddress("private_address", f"{host} is {found[0] if found else 'nowhere'}, which is not public")
    if not secure and not all(inner(one).is_loopback for one in usable):
        raise RefusedAddress("not_https", f"{host} is not this machine, so it needs https")
    return [str(one) for one in dict.fromkeys(usable)][:MAX_ADDRESSES]
