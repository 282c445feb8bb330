"""Claims: what a sentence, or the options of a command, say about a restriction, so that it can be held against data.

A claim that speaks of the future, of an intention or of a right is none that measurements could decide.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Final

from wallwatch.record import subjects
from wallwatch.record.countries import find_countries
from wallwatch.record.services import find_services
from wallwatch.record.text.dates import DateMention, find_dates

#: What a claim says of a restriction.
ASPECTS: Final = {
    "was": "that it was there at the time",
    "began": "that it began at the time",
    "ended": "that it ended at the time",
    "throughout": "that it was there all the time",
}

_INTENT: Final = re.compile(
    r"\b(?:will|would|shall|should|must|may|might|could|plans?|planned|planning|intends?|intended|threatens?|threatened|wants?|"
    r"vow(?:s|ed)?|going to|about to|likely to|propos\w+|bill|draft law|considers?|considering|ought|has the right|legal|illegal|lawful|unlawful|"
    r"justified|necessary|disproportionate|(?:un)?constitutional|illegitimate|unjustified)\b",
    re.IGNORECASE,
)
_NEGATED: Final = re.compile(
    r"\b(?:not|never|no|nothing|neither|without|denie[sd]|deny|denying|false|untrue)\b|n[’']t\b",
    re.IGNORECASE,
)
_WORKED: Final = re.compile(
    r"\b(?:(?:was|were|is|are|remained?|stayed|been|fully|kept)\s+(?:\w+\s+){0,2}(?:accessible|reachable|available|online|open|up|usable)|worked|works|working|functioned|operated normally|(?:could|can) be (?:reached|used|opened))\b",
    re.IGNORECASE,
)
_PRESENT: Final = re.compile(r"\b(?:is|are|remains?|currently|now|today|still)\b", re.IGNORECASE)
_ENDED: Final = re.compile(
    r"\b(?:restor\w+|unblock\w*|lift(?:ed|s|ing)?|reconnect\w*|back online|came back|ended|resum\w+|re-?enabled?|reinstat\w+|over)\b",
    re.IGNORECASE,
)
_BEGAN: Final = re.compile(
    r"\b(?:since|began|begun|started|starting|from .{3,30} on(?:wards?)?\b|as of)\b", re.IGNORECASE
)
_THROUGHOUT: Final = re.compile(
    r"\b(?:throughout|(?:for )?(?:the )?(?:whole|entire)|all (?:of|day|week|month|year)|every day|continuously|constantly|without interruption)\b",
    re.IGNORECASE,
)
_WIDE_WORDS: Final = r"(?:nation-?wide|country-?wide|national|nation|total|complete|near-total|full|entire)"
_WIDE: Final = re.compile(
    rf"\b{_WIDE_WORDS}\s+(?:[\w-]+\s+){{0,2}}?(?:internet|web|connectivity|blackouts?|shutdowns?|block\w*|outages?|bans?|cuts?|throttl\w*|slow-?\w*|disruptions?|censor\w*|suspension)\b|"
    r"\b(?:block\w*|banned|cut|shut|throttled|slowed|down|off|blackout|shutdown|unavailable|inaccessible|unreachable|censored|outage|suspended|disconnected)\b[^.]{0,60}?\b(?:nation-?wide|country-?wide|(?:across|throughout|all over|in all of|in the whole of|in the entire|everywhere in) (?:the )?(?:whole |entire )?(?:country|nation)|(?:on|by|across) (?:all|every) (?:the )?(?:networks?|operators?|providers?|ISPs?)|everywhere)|"
    r"\b(?:on|by|across) (?:all|every) (?:the )?(?:[A-Z]\w+ )?(?:networks?|operators?|providers?|ISPs?)\b|"
    r"\b(?:entire|whole) (?:country|nation)\b|\b(?:across|throughout|all over|all of) [A-Z]\w+",
    re.IGNORECASE,
)
_TOTAL: Final = re.compile(r"\b(?:total|complete|completely|totally|entirely|near-total)\b", re.IGNORECASE)
_ORDERED: Final = re.compile(
    r"\b(?:ordered|orders|instructed|directed|demanded|because|in order to|so as to|to (?:suppress|silence|prevent|stop|curb|quell)|regime|government|authorities)\b",
    re.IGNORECASE,
)
_ON: Final = re.compile(
    r"\b(?:on|by|via|through|over|using|operator|provider|ISP|network|carrier)\s+(?:the\s+)?(?:operator\s+|network\s+(?:of\s+)?|provider\s+|ISP\s+)?(?P<name>[A-Z][\w&.’'-]*(?:\s+[A-Z][\w&.’'-]*){0,3})"
)
_ASN: Final = re.compile(r"\bAS\s?(\d{1,10})\b")
_SOCIAL_WORDS: Final = re.compile(
    r"\b(?:social media|social networks?|social networking|messaging (?:apps?|services?|applications?))\b",
    re.IGNORECASE,
)
SOCIAL: Final = (
    "facebook", "instagram", "twitter", "whatsapp", "telegram", "youtube", "tiktok", "signal", "snapchat",
    "facebook_messenger", "viber", "linkedin",
)  # fmt: skip
#: Words of a network's name that many share.
_SHARED: Final = frozenset(
    "limited ltd plc inc llc corp corporation company co group sa ag gmbh bv srl spa jsc pjsc ojsc oao ooo pvt private public "
    "telecommunications telecommunication telecom telecoms communications communication network networks net internet "
    "service services provider isp autonomous system systems data cable mobile broadband fiber fibre digital online "
    "technologies technology solutions enterprises international national the of and for is an serving asn as".split()
)


#: Terminal sequences, controls and marks of direction: no part of a sentence (trap X3).
_UNSEEN: Final = re.compile(
    "\x1b\\[[0-9;]*[A-Za-z]|[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]"
)


@dataclass(frozen=True, slots=True)
class Known:
    """What the data name: so that a name in a claim can be found there.

    Attributes:
        countries: Codes with any data.
        services: Services and targets that were measured.
        networks: (Country, network) to its name.
        regions: Country to the regions that its signals name.
        first: The oldest time in the data.
        last: The newest.
    """

    countries: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()
    networks: Mapping[tuple[str, int], str] = field(default_factory=dict)
    regions: Mapping[str, frozenset[str]] = field(default_factory=dict)
    first: datetime | None = None
    last: datetime | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """What is claimed.

    Attributes:
        text: The words; empty for a claim made of options.
        restriction: `shutdown`, `blocking` or `throttling`; empty where it is about none.
        countries: Codes.
        targets: Services or hosts; empty for any.
        social: Whether "social media" as such are meant.
        networks: ASNs.
        network_words: Names of networks that it gives.
        unknown_networks: Of these, those that no network in the data has.
        region: A region, by its name in the data.
        since: First moment of its time; null where it names none.
        until: First moment after.
        when: Its time in its own words.
        aspect: A key of `ASPECTS`.
        wide: Whether it speaks of the whole country or all networks.
        total: Whether it speaks of everything being cut.
        negated: Whether it denies the restriction.
        causal: Whether it also says who did it, or why.
        present: Whether it speaks of now, and names no time.
        problem: Why it cannot be checked; empty where it can.
    """

    text: str
    restriction: str = ""
    countries: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    social: bool = False
    networks: tuple[int, ...] = ()
    network_words: tuple[str, ...] = ()
    unknown_networks: tuple[str, ...] = ()
    region: str = ""
    since: datetime | None = None
    until: datetime | None = None
    when: str = ""
    aspect: str = "was"
    wide: bool = False
    total: bool = False
    negated: bool = False
    causal: bool = False
    present: bool = False
    problem: str = ""


def parse(text: str, known: Known, *, base: date | None = None) -> Claim:
    """The claim in a sentence.

    Args:
        text: English, as a person types it.
        known: What the data name.
        base: The day on which it was made, from which "in November" or "yesterday" are counted.
    """
    words = " ".join(_UNSEEN.sub(" ", text[:8000]).split())[:2000]
    plain = words.replace("“", "").replace("”", "").replace('"', "")
    claim = Claim(" ".join(text[:8000].split())[:2000])
    kind = subjects.restriction(plain)
    worked = _WORKED.search(plain)
    negated = _NEGATED.search(plain) is not None and re.search(r"\bnot only\b", plain, re.IGNORECASE) is None
    if re.search(
        r"\b(?:not|n[’']t|un|in)\s*(?:\w+\s+)?(?:accessible|reachable|available|working|work|online|usable)\b",
        plain,
        re.IGNORECASE,
    ):
        kind, negated = kind or "blocking", False
    elif worked and not negated and kind in ("", "blocking"):
        whole = not find_services(plain) and re.search(
            r"\b(?:internet|connectivity|mobile data)\b", plain, re.IGNORECASE
        )
        kind, negated = "shutdown" if whole else "blocking", True
    if re.search(r"\b(?:not|n[’']t)\s+(?:\w+\s+)?(?:lifted|restored|unblocked)\b", plain, re.IGNORECASE):
        kind, negated = kind or "blocking", False
    if not kind and (find_services(plain) or subjects.is_online(plain)) and _ENDED.search(plain):
        kind = (
            "shutdown"
            if re.search(r"\binternet|connectivity|mobile data\b", plain, re.IGNORECASE)
            else "blocking"
        )
    services = find_services(plain)
    dated = _dates(plain, base)
    claim = replace(
        claim,
        restriction=kind,
        countries=_countries(plain, known),
        targets=()
        if kind == "shutdown" and not services
        else tuple(dict.fromkeys(one.name for one in services)),
        social=_SOCIAL_WORDS.search(plain) is not None and not services,
        aspect=_aspect(plain),
        wide=_WIDE.search(plain) is not None,
        total=_TOTAL.search(plain) is not None,
        negated=negated,
        causal=_ORDERED.search(plain) is not None,
        present=not dated and _PRESENT.search(plain) is not None,
    )
    claim = _with_networks(claim, plain, known)
    claim = _with_time(claim, plain, dated)
    claim = _with_region(claim, plain, known)
    return replace(claim, problem=_problem(claim, plain, dated))


def _problem(claim: Claim, plain: str, dated: Sequence[DateMention]) -> str:
    intent = _INTENT.search(plain)
    if intent is not None:
        return f"it speaks of what is to come, of an intention or of what is right (“{intent[0]}”), which nothing measures"
    if not claim.restriction:
        return "it names no restriction of the internet: no shutdown, blocking or slowing"
    if not claim.countries:
        return "it names no country, and no network that is in one country only; name one with --country"
    if claim.since is None and claim.until is None and any(one.since is None for one in dated):
        return "its time has no year and no day to count from; write the year, or name the day on which it was said with --date"
    return ""


def _dates(plain: str, base: date | None) -> list[DateMention]:
    found = find_dates(plain, base)
    firm = [one for one in found if not one.loose]
    return firm or found


def _countries(plain: str, known: Known) -> tuple[str, ...]:
    named = [one.code for one in find_countries(plain)]
    if not named:
        named = [code for code in re.findall(r"\b[A-Z]{2}\b", plain) if code in known.countries]
    return tuple(dict.fromkeys(named))


def _aspect(plain: str) -> str:
    if _ENDED.search(plain) and not re.search(r"\bnot (?:been )?(?:restored|lifted|unblocked)\b", plain):
        return "ended"
    if _THROUGHOUT.search(plain) and not re.search(
        r"\b(?:whole|entire|throughout the|all of the) (?:country|nation)", plain
    ):
        return "throughout"
    return "began" if _BEGAN.search(plain) else "was"


def _with_time(claim: Claim, plain: str, dated: Sequence[DateMention]) -> Claim:
    firm = [one for one in dated if one.since is not None and one.until is not None]
    if not firm:
        return claim
    since = min(one.since for one in firm if one.since)
    until: datetime | None = max(one.until for one in firm if one.until)
    if claim.aspect == "began":
        until = firm[0].until
        since = firm[0].since or since
    return replace(
        claim, since=since, until=until, when=" – ".join(plain[one.start : one.end] for one in firm[:2])
    )


def network_words(name: str) -> list[str]:
    """The words of a network's name that tell it from others, in small letters."""
    words = [word.lower() for word in re.findall(r"[^\W_][\w&'-]*", name)]
    return [
        word for word in words if word not in _SHARED and len(word) > 2 and not find_countries(word.title())
    ]


def _with_networks(claim: Claim, plain: str, known: Known) -> Claim:
    numbers = {int(one) for one in _ASN.findall(plain)}
    words: list[str] = []
    unknown: list[str] = []
    for match in _ON.finditer(plain):
        name = match["name"].rstrip(".,’'")
        if (
            find_countries(name)
            or find_services(name)
            or find_dates(f"on {name}", date(2020, 1, 1))
            or _ASN.fullmatch(name)
        ):
            continue
        if re.fullmatch(r"[A-Z][a-z]+(?:day|ember|uary)|Internet|Twitter|Facebook|[A-Z][a-z]+ \d+", name):
            continue
        found = networks_named(name, claim.countries, known)
        words.append(name)
        if found:
            numbers |= found
        else:
            unknown.append(name)
    if not words:
        for (country, number), name in known.networks.items():
            distinct = network_words(name)
            if claim.countries and country not in claim.countries:
                continue
            if (
                distinct
                and re.search(rf"\b{re.escape(distinct[0])}\b", plain, re.IGNORECASE)
                and any(
                    word.lower() == distinct[0] and word[0].isupper()
                    for word in re.findall(r"[\w&'-]+", plain)
                )
                and len(distinct[0]) >= 5
            ):
                numbers.add(number)
                words.append(distinct[0])
    countries = claim.countries
    if not countries and numbers:
        homes = {country for country, number in known.networks if number in numbers}
        countries = tuple(homes) if len(homes) == 1 else ()
    return replace(
        claim,
        networks=tuple(sorted(numbers)),
        network_words=tuple(dict.fromkeys(words)),
        unknown_networks=tuple(unknown),
        countries=countries,
    )


def networks_named(name: str, countries: Sequence[str], known: Known) -> set[int]:
    """The networks in the data that have that name.

    Args:
        name: As a person writes it: `Safaricom`, `Airtel Kenya`.
        countries: Codes; any where there are none.
        known: What the data name.
    """
    asked = network_words(name) or [word.lower() for word in name.split()[:1]]
    found = set()
    for (country, number), called in known.networks.items():
        if countries and country not in countries:
            continue
        have = [word.lower() for word in re.findall(r"[^\W_][\w&'-]*", called)]
        if asked and all(word in have for word in asked):
            found.add(number)
    return found


def _with_region(claim: Claim, plain: str, known: Known) -> Claim:
    for country in claim.countries:
        for region in sorted(known.regions.get(country, ()), key=lambda one: (-len(one), one)):
            if len(region) > 2 and re.search(rf"\b{re.escape(region)}\b", plain):
                return replace(claim, region=region)
    return claim


def of_statement(row: Mapping[str, Any], known: Known) -> Claim:
    """The claim that a statement makes: what it says, and what the record notes that it is about.

    Args:
        row: A row of the table of statements.
        known: What the data name.
    """
    said: datetime | None = row.get("said")
    text = str(row.get("translation") or row["quotation"])
    claim = parse(text, known, base=_last_day(said, str(row["said_precision"])) if said else None)
    if row.get("restriction"):
        claim = replace(claim, restriction=str(row["restriction"]))
    elif not claim.restriction and row.get("subject"):
        claim = replace(claim, restriction=subjects.restriction(str(row["subject"])))
    if row.get("country") and not claim.countries:
        claim = replace(claim, countries=(str(row["country"]),))
    if row.get("targets") and not claim.targets:
        claim = replace(claim, targets=tuple(row["targets"]))
    if row.get("networks") and not claim.networks:
        claim = replace(claim, networks=tuple(row["networks"]))
    if row.get("about_since") or row.get("about_until"):
        claim = replace(
            claim, since=row.get("about_since"), until=row.get("about_until"), when="as the record notes"
        )
    plain = text.replace("“", "").replace("”", "")
    return replace(claim, problem=_problem(claim, plain, _dates(plain, said.date() if said else None)))


def _last_day(said: datetime, precision: str) -> date:
    from datetime import timedelta

    from wallwatch.schema.statements import last_moment

    if precision == "unknown":
        return said.date()
    return (last_moment(said, precision) - timedelta(microseconds=1)).date()
