"""What the judge knows beforehand, versioned by content: countries of expectation, words, names of filters."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from wallwatch.judge.networks import digest
from wallwatch.judge.services import CATALOGUE, MIDDLEBOX_TESTS, SECOND_LEVEL, SERVICES, TOOLS

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
    "imunify360",
    "keycdn",
    "stackpath",
    "netlify",
    "vercel",
    "qrator",
    "squarespace",
)


#: Networks from which the well-known open resolvers ask (Google, Cloudflare, Cisco OpenDNS, Quad9): the address that
#: probes report of their resolver is the one that it asks from.
OPEN_RESOLVERS: tuple[int, ...] = (15169, 13335, 36692, 19281)

#: Versions of tests that are known to fail everywhere since a day (OONI backend, fastpath; trap J21):
#: nettest, versions (SQL `LIKE`), since.
KNOWN_FAULTS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("signal", ("0.0.%", "0.1.%", "0.2.0", "0.2.1"), "2022-10-19"),
    ("signal", ("0.2.2", "0.2.3"), "2023-11-07"),
    ("signal", ("0.2.4",), "2012-01-01"),
)

#: The name of a database of networks in the folder of references.
NETWORKS = "networks.mmdb"


@dataclass(frozen=True, slots=True)
class References:
    """Reference data of one version.

    Attributes:
        expected: Fingerprints (`scope:name`) and the countries in which they are to be found, sorted; one is not
            held against networks of other countries. Empty: anywhere.
        fingerprints: The version of the fingerprints; empty where it is not known.
        strengths: Fingerprints and how much each says, sorted; one that is not there says a little.
        networks: A database of the networks of addresses that the user gave (`judge/networks.py`); null for none.
        networks_sha256: Hash of its content; empty where there is none.
    """

    expected: tuple[tuple[str, tuple[str, ...]], ...] = ()
    fingerprints: str = ""
    strengths: tuple[tuple[str, int], ...] = ()
    networks: Path | None = None
    networks_sha256: str = ""

    @classmethod
    def load(
        cls,
        folder: Path | None = None,
        expected: Mapping[str, Sequence[str]] | None = None,
        fingerprints: str = "",
        strengths: Mapping[str, int] | None = None,
    ) -> References:
        """The packaged data, with the countries of expectation of the fingerprints that were used.

        Args:
            folder: May hold `fingerprints*.csv` in the community format (github.com/ooni/blocking-fingerprints), and
                a database of networks by the name `NETWORKS`.
            expected: `scope:name` to countries; goes before the folder's.
            fingerprints: The version of the fingerprints that bodies were searched for.
            strengths: `scope:name` to how much a match says.
        """
        found: dict[str, tuple[str, ...]] = {}
        if folder is not None and folder.is_dir():
            for path in sorted(folder.glob("fingerprints*.csv")):
                with path.open(encoding="utf-8-sig", newline="") as file:
                    for row in csv.DictReader(file):
                        text = (row.get("expected_countries") or "").replace(";", ",").upper()
                        countries = {country.strip() for country in text.split(",")} - {""}
                        found[f"{row.get('scope')}:{row.get('name')}"] = tuple(sorted(countries))
        found |= {hit: tuple(sorted(countries)) for hit, countries in (expected or {}).items()}
        networks = folder / NETWORKS if folder is not None and (folder / NETWORKS).is_file() else None
        return cls(
            tuple(sorted(found.items())),
            fingerprints,
            tuple(sorted((strengths or {}).items())),
            networks,
            digest(networks) if networks else "",
        )

    @property
    def version(self) -> str:
        """First 12 hex digits of the SHA-256 of all of it."""
        content = {
            "expected": self.expected,
            "fingerprints": self.fingerprints,
            "strengths": self.strengths,
            "words": BLOCK_WORDS,
            "delivery": DELIVERY_NETWORKS,
            "open_resolvers": OPEN_RESOLVERS,
            "faults": KNOWN_FAULTS,
            "services": [asdict(service) for service in SERVICES],
            "tools": [asdict(tool) for tool in TOOLS],
            "devices": MIDDLEBOX_TESTS,
            "catalogue": CATALOGUE,
            "second_level": SECOND_LEVEL,
        }
        if self.networks_sha256:
            content["networks"] = self.networks_sha256
        text = json.dumps(content, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()[:12]
