"""Where a webhook may go: to the public internet, and nowhere else unless the operator allows it.

A name is resolved once, every address it has is checked, and the connection is made to a checked address. A name
that answers differently a moment later therefore reaches nothing new.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Iterable
from functools import cache

import httpcore

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


class PublicNetwork(httpcore.AsyncNetworkBackend):
    """Connects like httpcore's own backend, after looking at where the connection would go."""

    def __init__(self, private: bool) -> None:
        self._private = private
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Raises `NotPublic`, or httpcore's `ConnectError` of the last address tried."""
        async with asyncio.timeout(timeout):
            addresses = await _resolve(host, port)
        if not self._private:
            refuse_private(host, addresses)
        for address in addresses:
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure


def refuse_private(host: str, addresses: Iterable[str]) -> None:
    """One private address among several is enough to refuse: which of them would be used is not ours to choose."""
    for text in addresses:
        if not is_public(ipaddress.ip_address(text.partition("%")[0])):
            raise NotPublic(f"{host} is {text}, which is not a public address")


async def _resolve(host: str, port: int) -> list[str]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise httpcore.ConnectError(f"{host} was not found: {error}") from None
    addresses = list(dict.fromkeys(str(info[4][0]) for info in found))
    if not addresses:
        raise httpcore.ConnectError(f"{host} has no address")
    return addresses


@cache
def _tls() -> ssl.SSLContext:
    return httpcore.default_ssl_context()


def connections(private: bool, most: int) -> httpcore.AsyncConnectionPool:
    """A pool of at most `most` connections, kept open for a while for the next delivery."""
    return httpcore.AsyncConnectionPool(
        ssl_context=_tls(),
        max_connections=most,
        max_keepalive_connections=most,
        keepalive_expiry=30,
        network_backend=PublicNetwork(private),
    )
