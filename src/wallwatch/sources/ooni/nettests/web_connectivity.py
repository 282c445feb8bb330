"""Web Connectivity, 0.1 to 0.5 (ts-017): can a website be reached, and does the helper see the same."""

from __future__ import annotations

from wallwatch.sources.ooni.control import Control
from wallwatch.sources.ooni.envelope import Envelope
from wallwatch.sources.ooni.flatten import Flattener
from wallwatch.sources.ooni.nettests.base import Nettest, Outcome, input_host
from wallwatch.sources.ooni.parts import Parts, Query

#: The engine of further responses to a query that was answered before.
_AGAIN = "udp_again"


class Keys(Parts, gc=False):
    """Its own test keys."""

    control: Control | None = None
    control_failure: str | None = None
    blocking: bool | str | None = None
    accessible: bool | None = None
    x_dns_duplicate_responses: list[Query] | None = None


def flatten(flattener: Flattener, found: Envelope, keys: Keys) -> Outcome:
    """The shared parts, the helper's view, and what the probe itself concluded as steps."""
    if keys.queries:
        _mark_repeated(keys.queries)
    flattener.parts(keys)
    if keys.control is not None:
        flattener.controls.add(flattener.measurement, flattener.first_host, found.input, keys.control)
    if keys.x_dns_duplicate_responses:
        # A second, different answer to one query is what an injector on the path leaves behind.
        flattener.step("dns_duplicate_responses", len(keys.x_dns_duplicate_responses))
        for query in keys.x_dns_duplicate_responses:
            query.engine = _AGAIN
        flattener.queries(keys.x_dns_duplicate_responses)
    return Outcome(_verdict(keys), keys.control_failure)


def _mark_repeated(queries: list[Query]) -> None:
    """Of entries for one question in clear text of one transaction, all but the first are further responses."""
    asked: set[tuple[object, ...]] = set()
    for query in queries:
        if query.engine == "udp" and query.transaction_id:
            question = (query.transaction_id, query.hostname, query.query_type, query.resolver_address)
            if question in asked:
                query.engine = _AGAIN
            asked.add(question)


def _verdict(keys: Keys) -> str | None:
    """`blocking` in words: `dns`, `tcp_ip`, `http-diff`, `http-failure`, `accessible`, `down`; else null."""
    if isinstance(keys.blocking, str):
        return keys.blocking
    if keys.blocking is False:
        return "down" if keys.accessible is False else "accessible"
    return None


NETTESTS = (Nettest("web_connectivity", Keys, flatten, input_host, redirects=True),)
