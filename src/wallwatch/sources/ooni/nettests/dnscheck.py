"""DNS Check (ts-028): whether a DNS resolver can be reached and answers."""

from __future__ import annotations

from wallwatch.sources.ooni.envelope import Envelope
from wallwatch.sources.ooni.flatten import Flattener
from wallwatch.sources.ooni.nettests.base import Nettest, Outcome
from wallwatch.sources.ooni.parts import Parts


class Keys(Parts, gc=False):
    """Its own test keys."""

    domain: str | None = None
    bootstrap: Parts | None = None
    bootstrap_failure: str | None = None
    lookups: dict[str, Parts | None] | None = None


def flatten(flattener: Flattener, found: Envelope, keys: Keys) -> Outcome:
    """A step for the resolver's own name and for each of its addresses, with the shared parts of each."""
    flattener.parts(keys)
    if keys.bootstrap is not None:
        flattener.nested(keys.bootstrap, 0)
        flattener.step(
            "bootstrap", "failed" if keys.bootstrap_failure else "ok", failure=keys.bootstrap_failure
        )
    for position, (url, lookup) in enumerate((keys.lookups or {}).items(), 1):
        if lookup is None:
            continue
        failure = lookup.failure if isinstance(lookup.failure, str) else None
        flattener.step("lookup", url, target="resolver", failure=failure)
        flattener.nested(lookup, position)
    return Outcome()


def resolver(found: Envelope, keys: object) -> str:
    """The resolver's URL in lower case; `unknown` where there is none."""
    return (found.input or "").strip().rstrip("/").lower() or "unknown"


NETTESTS = (Nettest("dnscheck", Keys, flatten, resolver),)
