"""Where a webhook may go: to the public internet, and nowhere else unless the operator allows it.

A name is resolved once, every address it has is checked, and the connection is made to a checked address. A name
that answers differently a moment later therefore reaches nothing new.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class NotPublic(Exception):
    """The name or address leads into a private network."""


def is_private(host: str) -> bool:
    """True for an address that is not on the public internet, or a name that plainly is not."""
    try:
        return not is_public(ipaddress.ip_address(host))
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".local", ".internal")) or "." not in host


def is_public(address: Address) -> bool:
    """True for a unicast address of the public internet, also of one that is wrapped in an IPv6 address."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
    return address.is_global and not address.is_multicast and not address.is_reserved


async def checked_addresses(host: str, port: int, private: bool) -> list[str]:
    """Every address of the name, each of them public unless `private` ones are allowed.

    One private address among several is enough to refuse: which of them a connection takes is not ours to choose.
    Raises `NotPublic`, or `OSError` for a name that is not known.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(info[4][0]) for info in found))
    for address in addresses:
        if not private and not is_public(ipaddress.ip_address(address.partition("%")[0])):
            raise NotPublic(f"{host} is {address}, which is not a public address")
    return addresses
