"""Facts of TLS certificates, each parsed once: the same few thousand come again and again."""

from __future__ import annotations

import base64
import binascii
import hashlib
import warnings
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

from cryptography import x509
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import NameOID

_MANY = 16_384
#: A leaf certificate is one or two kB; what is far larger is no certificate.
_LONGEST = 65_536


@dataclass(frozen=True, slots=True)
class Leaf:
    """What the tables say of a leaf certificate; null where it could not be parsed.

    Attributes:
        sha256: Hash of its DER form, in hex.
        subject: Common name of the subject, or its organisation.
        issuer: Common name of the issuer, or its organisation.
        names: Its subject alternative names (DNS names and addresses), else its common name.
        not_before: Start of validity, UTC.
        not_after: End of validity, UTC.
        self_signed: Whether issuer and subject are the same.
    """

    sha256: str
    subject: str | None = None
    issuer: str | None = None
    names: tuple[str, ...] = ()
    not_before: datetime | None = None
    not_after: datetime | None = None
    self_signed: bool | None = None

    def without(self, secret: str, shown: str) -> Leaf:
        """The facts with an address replaced in every name."""

        def cut(text: str | None) -> str | None:
            return text.replace(secret, shown) if text else text

        names = tuple(name.replace(secret, shown) for name in self.names)
        return replace(self, subject=cut(self.subject), issuer=cut(self.issuer), names=names)


@lru_cache(_MANY)
def leaf(text: str) -> Leaf | None:
    """The facts of a certificate given as base64 of its DER form; null where it is no base64."""
    if len(text) > _LONGEST:
        return None
    try:
        der = base64.b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return None
    sha256 = hashlib.sha256(der).hexdigest()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            return _facts(x509.load_der_x509_certificate(der), sha256)
    except Exception:  # forged certificates break in many ways; their hash still is a fact
        return Leaf(sha256)


def _facts(certificate: x509.Certificate, sha256: str) -> Leaf:
    names: list[str] = []
    try:
        alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names += alternative.get_values_for_type(x509.DNSName)
        names += [str(ip) for ip in alternative.get_values_for_type(x509.IPAddress)]
    except Exception:  # none, or broken ones: the certificate is then for its common name only
        names = []
    subject = _name(certificate.subject)
    return Leaf(
        sha256=sha256,
        subject=subject,
        issuer=_name(certificate.issuer),
        names=tuple(names[:200]) or ((subject,) if subject else ()),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        self_signed=certificate.subject == certificate.issuer,
    )


def _name(name: x509.Name) -> str | None:
    for kind in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME):
        for attribute in name.get_attributes_for_oid(kind):
            value = attribute.value
            return (value if isinstance(value, str) else value.decode("utf-8", "replace"))[:300]
    return None


@lru_cache(_MANY)
def matches(names: tuple[str, ...], server_name: str | None) -> bool | None:
    """Whether a certificate for these names is one for the server name (RFC 9525, 6.3); null without a name.

    A wildcard stands for exactly one label, the leftmost.
    """
    if not server_name:
        return None
    wanted = server_name.lower().rstrip(".")
    parent = wanted.partition(".")[2]
    for name in names:
        found = name.lower().rstrip(".")
        if found == wanted or (found.startswith("*.") and parent and found[2:] == parent):
            return True
    return False
