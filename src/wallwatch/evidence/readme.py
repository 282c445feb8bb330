"""What a bundle tells a stranger to do: check it with the tools that every machine has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wallwatch.evidence import bag
from wallwatch.evidence.signing import NAMESPACE, PRINCIPAL, SIGNERS


@dataclass(frozen=True, slots=True)
class Told:
    """What the README is about.

    Attributes:
        heading: What the bundle is about, in one line.
        follows: In one sentence, whether the claim followed from the enclosed lines when it was made.
        fingerprint: Of the signer's key; empty where the bundle is not signed.
        stamped: Whether it has a time stamp.
        commands: Commands that repeat the finding with Wallwatch.
        version: Wallwatch's.
        licence: What may be done with the data.
        sealed: Whether hashes of changed lines are sealed.
    """

    heading: str
    follows: str
    fingerprint: str
    stamped: bool
    commands: Sequence[str]
    version: str
    licence: str
    sealed: bool


_SEALED = (
    "Of a line that lost something data/lines.csv has no plain hash of the original, since from it the address could be",
    "found by trying: it has a keyed one (HMAC-SHA-256), whose key stays with whoever made the bundle and can be shown",
    "to a court together with the original line.",
)
_PLAIN = (
    "The original files are public, as whoever made the bundle says; data/lines.csv has the SHA-256 of each original line.",
)


def readme(told: Told) -> str:
    """The text of `README.txt`; commands begin with a dollar sign."""
    parts = [
        f"EVIDENCE: {told.heading}",
        "=" * 70,
        "",
        told.follows,
        "",
        "WHAT IS HERE",
        "",
        "  data/index.html             the finding, for people; opens in any browser, offline",
        "  data/claim.json             the same for machines, with what speaks against it",
        "  data/raw/                   the raw measurement lines that it rests on",
        "  data/lines.csv              each of these lines: where it came from, and its SHA-256",
        "  data/removals.csv           what was cut out of them: volunteers' addresses, field by field",
        "  data/tables/                what was read and judged, as CSV and Parquet",
        "  data/rules/, reference/     the rules and the reference data that it was judged by",
        "  data/software.json          versions of all software",
        "  data/ro-crate-metadata.json how each file came about (RO-Crate 1.1, W3C PROV)",
        "",
        "This folder is a bag (BagIt, RFC 8493).",
        "",
        "CHECK THAT IT IS WHOLE AND UNCHANGED",
        "",
        "With nothing but a shell, in this folder:",
        "",
        f"  $ sha256sum --check --quiet --strict {bag.TAG_MANIFEST}",
        f"  $ sha256sum --check --quiet --strict {bag.MANIFEST}",
        "",
        "and that no file was added:",
        "",
        f'  $ test "$(find data -type f | wc -l)" -eq "$(wc -l < {bag.MANIFEST})"',
        "",
        "Each must end without a word.",
        "",
        "CHECK WHO SIGNED IT",
        "",
    ]
    if told.fingerprint:
        parts += [
            f"It is signed over {bag.TAG_MANIFEST}, which names all other files or the manifest that does:",
            "",
            f"  $ ssh-keygen -Y verify -f {SIGNERS} -I {PRINCIPAL} -n {NAMESPACE} -s {bag.SIGNATURE} < {bag.TAG_MANIFEST}",
            "",
            f"The file {SIGNERS} came with the bundle, so this shows only that the key in it signed. Whose key that is,",
            "you must learn elsewhere: compare its fingerprint with one that the signer gave you in another way:",
            "",
            f"  {told.fingerprint}",
            "",
            f"  $ cut -d ' ' -f 3- {SIGNERS} | ssh-keygen -l -f -",
        ]
    else:
        parts += ["It is not signed: nobody vouches for it by a key. Its manifests show damage, not forgery."]
    if told.stamped:
        stamped, stamp = (
            (bag.SIGNATURE, bag.STAMP_OF_SIGNATURE)
            if told.fingerprint
            else (bag.TAG_MANIFEST, bag.STAMP_OF_MANIFEST)
        )
        parts += [
            "",
            "CHECK WHEN IT EXISTED",
            "",
            "A time-stamp authority confirmed when it saw the hash of the file below (RFC 3161). With the authority's",
            "certificate, which you get from the authority, in tsa.pem:",
            "",
            f"  $ openssl ts -verify -data {stamped} -in {stamp} -CAfile tsa.pem",
        ]
    parts += [
        "",
        "CHECK THAT THE FINDING FOLLOWS",
        "",
        f"Read data/index.html and data/raw/. With Wallwatch {told.version} (Python 3.11 or newer), in this folder:",
        "",
        *(f"  $ {command}" for command in told.commands),
        "",
        "`wallwatch verify FILE`, given the zip file or this folder, does all of this.",
        "",
        "WHAT WAS CUT OUT",
        "",
        "Addresses of volunteers and of the resolvers that they use are not passed on. In their place stands",
        "[removed], and data/removals.csv names each place.",
        *(_SEALED if told.sealed else _PLAIN),
        "",
        "LICENCE OF THE DATA",
        "",
        told.licence,
        "",
    ]
    return "\n".join(parts)
