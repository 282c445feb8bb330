"""What the judge knows beforehand, versioned by content: countries of expectation, words, names of filters."""

from __future__ import annotations

import csv
import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from wallwatch.judge.services import CATALOGUE, SECOND_LEVEL, SERVICES, TOOLS

#: Words in the titles of block pages (Jones et al., IMC 2014, and ooni/blocking-fingerprints), lower case. They
#: support a verdict only in clear text, on a short page, where the control got another page.
BLOCK_WORDS: tuple[str, ...] = (
    "access denied",
    "access restricted",
    "access to this site",
    "access blocked",
    "blocked",
    "forbidden by",
    "not allowed",
    "prohibited",
    "restricted",
    "unavailable for legal reasons",
    "site blocked",
    "content filter",
    "доступ ограничен",
    "доступ запрещ",
    "заблокирован",
    "erişim engel",
    "engellen",
    "acceso denegado",
    "bloqueado",
    "accès refusé",
    "bloqué",
    "accesso negato",
    "zugriff verweigert",
    "gesperrt",
    "internet positif",
    "situs diblokir",
    "terblokir",
    "diblokir",
    "محجوب",
    "حجب",
    "مسدود",
    "فیلتر",
    "دسترسی",
    "ถูกระงับ",
    "禁止访问",
    "차단",
    "bị chặn",
)

#: How servers of content delivery networks name themselves: their refusals are the site's (trap J14).
DELIVERY_NETWORKS: tuple[str, ...] = (
    "akamai",
    "cloudflare",
    "cloudfront",
    "varnish",
    "fastly",
    "sucuri",
    "imperva",
    "incapsula",
    "ddos-guard",
    "gws",
    "esf",
    "amazons3",
    "awselb",
    "azure",
    "bunnycdn",
    "keycdn",
    "stackpath",
    "netlify",
    "vercel",
    "qrator",
    "squarespace",
)


@dataclass(frozen=True, slots=True)
class Expected:
    """A fingerprint and the countries in which it is to be found; it is not held against others."""

    name: str
    countries: tuple[str, ...]


#: Versions of tests that are known to fail everywhere since a day (OONI backend, fastpath; trap J21):
#: nettest, versions (SQL `LIKE`), since.
KNOWN_FAULTS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("signal", ("0.0.%", "0.1.%", "0.2.0", "0.2.1"), "2022-10-19"),
    ("signal", ("0.2.2", "0.2.3"), "2023-11-07"),
    ("signal", ("0.2.4",), "2012-01-01"),
)


@dataclass(frozen=True, slots=True)
class References:
    """Reference data of one version.

    Attributes:
        expected: Fingerprints with countries of expectation.
    """

    expected: tuple[Expected, ...] = ()

    @classmethod
    def load(cls, folder: Path | None = None) -> References:
        """The packaged data and, where a workspace's folder holds fingerprints, their countries.

        Args:
            folder: Holds `fingerprints*.csv` in the community format (github.com/ooni/blocking-fingerprints).
        """
        found: dict[str, tuple[str, ...]] = {}
        if folder is not None and folder.is_dir():
            for path in sorted(folder.glob("fingerprints*.csv")):
                with path.open(encoding="utf-8", newline="") as file:
                    for row in csv.DictReader(file):
                        countries = (row.get("expected_countries") or "").replace(" ", "")
                        if row.get("name") and countries:
                            found[row["name"]] = tuple(sorted(countries.upper().split(",")))
        return cls(tuple(Expected(name, found[name]) for name in sorted(found)))

    @property
    def version(self) -> str:
        """First 12 hex digits of the SHA-256 of all of it."""
        content = {
            "expected": [asdict(entry) for entry in self.expected],
            "words": BLOCK_WORDS,
            "delivery": DELIVERY_NETWORKS,
            "faults": KNOWN_FAULTS,
            "services": [asdict(service) for service in SERVICES],
            "tools": TOOLS,
            "catalogue": CATALOGUE,
            "second_level": SECOND_LEVEL,
        }
        text = json.dumps(content, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()[:12]
