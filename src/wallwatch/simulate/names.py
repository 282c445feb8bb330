"""Names, addresses and numbers that belong to nobody: what a made-up country may be made of.

Names end in `.example`, `.test` or `.invalid` (RFC 2606), addresses are of RFC 5737 and RFC 3849, networks of
RFC 5398, countries of the user-assigned codes of ISO 3166-1. Injected answers are private or loopback addresses.
"""

from __future__ import annotations

import ipaddress
from typing import Final

#: The made-up country, and the places elsewhere that its peers are compared with.
COUNTRY: Final = "XW"
ELSEWHERE: Final = ("XA", "XB", "XC", "XD")
#: Where the test helper stands.
HELPER_COUNTRY: Final = "XH"

#: Networks for documentation (RFC 5398): those of probes, and those of servers.
PROBE_NETWORKS: Final = tuple(range(64496, 64512))
SERVER_NETWORKS: Final = tuple(range(65536, 65552))

#: Reserved top-level names (RFC 2606).
RESERVED_NAMES: Final = (".example", ".test", ".invalid")

_BLOCKS: Final = tuple(
    ipaddress.ip_network(block)
    for block in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
)
#: Of which injected answers are.
_UNROUTABLE: Final = tuple(ipaddress.ip_network(block) for block in ("10.0.0.0/8", "127.0.0.0/8"))

HELPER_URL: Final = "https://0.helper.example/"
DOH_URL: Final = "https://doh.example/dns-query"
#: A public resolver that the probe asks in clear text.
UDP_RESOLVER: Final = "192.0.2.53:53"
#: Its operator's network.
PUBLIC_RESOLVER_NETWORK: Final = SERVER_NETWORKS[-2]
#: The block page's server.
BLOCK_PAGE_HOST: Final = "notice.example"
BLOCK_PAGE_ADDRESS: Final = "192.0.2.99"
#: An address that an injector gives and nobody has.
BOGON: Final = "10.10.34.35"
#: Where a captive portal leads everybody.
PORTAL_ADDRESS: Final = "10.1.1.1"
PORTAL_HOST: Final = "portal.example"
LOOPBACK: Final = "127.0.0.1"
#: An injected address that is public and at which nobody answers.
NOBODY_ADDRESS: Final = "192.0.2.98"
#: A relay inside a network that passes everything on honestly.
RELAY_ADDRESS: Final = "192.0.2.80"


def site_address(number: int) -> str:
    """The IPv4 address of that number, for sites: 203.0.113.1 and on, then 198.51.100.1 to .127.

    Raises:
        ValueError: More addresses than the blocks have.
    """
    if number < 254:
        return f"203.0.113.{number + 1}"
    if number < 254 + 127:
        return f"198.51.100.{number - 253}"
    raise ValueError(f"no reserved address number {number}")


def service_address(number: int) -> str:
    """The IPv4 address of that number, for services: 198.51.100.128 and on."""
    if not 0 <= number < 127:
        raise ValueError(f"no reserved address number {number}")
    return f"198.51.100.{number + 128}"


def site_address_6(number: int) -> str:
    """The IPv6 address of that number."""
    return f"2001:db8:{number // 0xFFFF:x}:{number % 0xFFFF + 1:x}::80"


def resolver_address(network: int) -> str:
    """The address of a network's own resolver."""
    return f"192.0.2.{100 + network % 64}"


def is_reserved_name(host: str) -> bool:
    """Whether nobody can own the name (RFC 2606)."""
    return ("." + host.lower().rstrip(".")).endswith(RESERVED_NAMES)


def is_reserved_address(address: str) -> bool:
    """Whether nobody on the internet can have the address: documentation, private 10/8 or loopback."""
    found = ipaddress.ip_address(address)
    return any(found in block for block in _BLOCKS + _UNROUTABLE if block.version == found.version)


def is_reserved_network(number: int) -> bool:
    """Whether the network number is one for documentation (RFC 5398)."""
    return number in PROBE_NETWORKS or number in SERVER_NETWORKS
