"""Which network addresses the host of a source may stand for."""

from __future__ import annotations

import enum
import ipaddress
import socket
import threading
from collections.abc import Callable

from wsi_lab.errors import SourceRefused, SourceTimeout, SourceUnavailable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[[str, int], list[str]]
"""Gives the addresses of a host, as numbers; `OSError` where it has none."""

# Where clouds hand out credentials and machines their secrets. The link-local ones are refused
# as such.
_METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in (
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "fd00:ec2::254",
        "fd20:ce::254",
    )
)
# These carry an IPv4 address in their last or middle bytes, which is where they lead.
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
_IPV4_COMPATIBLE = ipaddress.ip_network("::/96")

_INNER_NAMES = (".home.arpa", ".internal", ".lan", ".local")
"""Ends of names that nobody outside can own."""


class Reach(enum.Enum):
    """How far inside a network a host may be."""

    PUBLIC = enum.auto()
    """On the internet; elsewhere only if it is written as just that."""
    INSIDE = enum.auto()
    """On the internet, in a private network or on this machine, whatever it is called."""


def may_be_reached(host: str, address: Address, reach: Reach) -> bool:
    """Return whether bytes may be fetched from an address that a host has.

    Those of credentials, of this very link and of nobody are not for slides. Those of this
    machine and of a private network are, if `reach` says so, if the host is written as exactly
    that address, or, but for this machine, if its name cannot be one of the internet's.

    Examples
    --------
    >>> loopback = ipaddress.ip_address("127.0.0.1")
    >>> may_be_reached("127.0.0.1", loopback, Reach.PUBLIC)
    True
    >>> may_be_reached("2130706433", loopback, Reach.PUBLIC)
    False
    >>> may_be_reached("slides.example", loopback, Reach.PUBLIC)
    False
    """
    real = _carried(address)
    if (
        real in _METADATA
        or real.is_link_local
        or real.is_multicast
        or real.is_unspecified
        or (real.is_reserved and not real.is_loopback)
    ):
        return False
    if real.is_global or reach is Reach.INSIDE:
        return True
    if host == "localhost":
        return real.is_loopback
    if real.is_loopback:
        return _is_written_as(host, address)
    return _is_written_as(host, address) or _is_inner_name(host)


def addresses_of(
    host: str, port: int, reach: Reach, *, seconds: float, resolve: Resolver | None = None
) -> list[str]:
    """Return the addresses of a host, as numbers, all of which may be reached.

    Raises
    ------
    SourceRefused
        It has addresses, but none that may be reached.
    SourceUnavailable
        It has none, or nobody knows now.
    SourceTimeout
        Nobody knew in time.
    """
    found = _resolved_in_time(resolve or _resolve, host, port, seconds)
    allowed = [
        text
        for text in dict.fromkeys(found)
        if may_be_reached(host, ipaddress.ip_address(text), reach)
    ]
    if not allowed:
        raise SourceRefused(
            "The host of this source lies inside a network that slides are not read from; "
            "a private host has to be declared by its number."
        )
    return allowed


def _resolve(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]


def _resolved_in_time(resolve: Resolver, host: str, port: int, seconds: float) -> list[str]:
    found: list[str] = []
    failed: list[Exception] = []

    def ask() -> None:
        try:
            # The zone of a link-local address is of no interest: it is refused anyway.
            found.extend(text.partition("%")[0] for text in resolve(host, port))
        except (OSError, UnicodeError) as error:
            failed.append(error)

    # The system's resolver waits as long as it likes, and cannot be told to stop.
    thread = threading.Thread(target=ask, name="resolve", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise SourceTimeout("The name of the slides' server could not be looked up in time.")
    if failed or not found:
        raise SourceUnavailable("The name of the slides' server is not known in this network.")
    return found


def _carried(address: Address) -> Address:
    """Return the address that packets to `address` may end at."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _TRANSLATED or (address in _IPV4_COMPATIBLE and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _is_written_as(host: str, address: Address) -> bool:
    """Return whether a host is the plain number of an address, and not a disguise of it."""
    try:
        written = ipaddress.ip_address(host)
    except ValueError:
        return False
    return written == address and _carried(written) == written


def _is_inner_name(host: str) -> bool:
    name = host.rstrip(".")
    return name.endswith(_INNER_NAMES) or ("." not in name and not _is_a_number(name))


def _is_a_number(name: str) -> bool:
    # What the system's resolver takes for an address: decimal, octal or hexadecimal.
    return name[:1].isdigit() or ":" in name
