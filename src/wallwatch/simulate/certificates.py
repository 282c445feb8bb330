"""Real X.509 certificates that are the same every time: Ed25519 keys made from the names (RFC 8410, RFC 8032)."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

#: The authority that everybody trusts, one that a filter brings along, and one that only its own client trusts.
TRUSTED, FILTER, OWN = "Example Trust Services", "Example Filter Appliance", "Signal Messenger Example"
#: The one of a school's or company's own filter.
PLACE = "Example School"

_VALID = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC))
_EXPIRED = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2021, 1, 1, tzinfo=UTC))


def _key(name: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"wallwatch {name}".encode()).digest())


def _name(common: str, organisation: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, common),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
        ]
    )


def _serial(*parts: str) -> int:
    return int.from_bytes(hashlib.sha256("\n".join(parts).encode()).digest()[:15], "big") | 1


def _encode(certificate: x509.Certificate) -> dict[str, str]:
    return {"data": base64.b64encode(certificate.public_bytes(Encoding.DER)).decode(), "format": "base64"}


@cache
def _authority(organisation: str) -> dict[str, str]:
    key, name = _key(organisation), _name(f"{organisation} Root", organisation)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(_serial("authority", organisation))
        .not_valid_before(_VALID[0])
        .not_valid_after(_VALID[1])
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, None)
    )
    return _encode(built)


@cache
def chain(host: str, issuer: str | None = TRUSTED, expired: bool = False) -> list[dict[str, str]]:
    """The certificates that a server sends, leaf first, as OONI writes them.

    Args:
        host: The name that the leaf is for, in punycode.
        issuer: The authority's organisation; null for a self-signed leaf.
        expired: Whether its validity is over.
    """
    key, name = _key(f"leaf {host} {issuer}"), _name(host, "Example Sites")
    first, last = _EXPIRED if expired else _VALID
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name if issuer is None else _name(f"{issuer} Root", issuer))
        .public_key(key.public_key())
        .serial_number(_serial("leaf", host, str(issuer), str(expired)))
        .not_valid_before(first)
        .not_valid_after(last)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key if issuer is None else _key(issuer), None)
    )
    return [_encode(built)] if issuer is None else [_encode(built), _authority(issuer)]
