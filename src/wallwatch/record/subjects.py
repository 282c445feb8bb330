"""What words are about: the kind of restriction, countries, targets, and the time."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from wallwatch.record.countries import find_countries
from wallwatch.record.services import find_services
from wallwatch.record.text.dates import DateMention, find_dates

_NET = r"(?:internet|web|online|cyberspace|connectivity|connections?|network|mobile data|data services?|broadband|social media|social network(?:s|ing)?|platforms?|apps?|websites?|sites?|messag\w+|VPNs?|communications?|channels?|operators?|service providers?|ISPs?|accounts?)"

_SHUTDOWN: Final = re.compile(
    r"\b(?:shut ?downs?|suspension|black ?outs?|kill[ -]?switch|"
    r"(?:shut|shutting|shuts|switch(?:ed|es|ing)?|turn(?:ed|s|ing)?|cut(?:s|ting)?|pull(?:ed|s|ing)?)\s+(?:down|off|the plug)|"
    r"(?:cut|cuts|cutting|shut|shutting|sever\w*|disconnect\w*|suspend\w*|disrupt\w*|restor\w*)\s+(?:(?:all|the|most|mobile|fixed|nationwide|national|access to(?: the)?|off)\s+)*(?:internet|connectivity|mobile data|data services?|broadband|network)|"
    r"(?:internet|connectivity|mobile data|data services?|network|broadband)\s+(?:\w+\s+){0,4}(?:cut|cuts|down|off|outages?|disrupt\w+|disconnect\w*|suspen\w+|collapse\w*|severed|unavailable|interrupt\w*)|"
    r"cut\w*\s+(?:[\w’']+\s+){1,4}(?:off\s+)?(?:from\s+)?the (?:internet|world)|offline|"
    r"(?:internet|connectivity|mobile data|network|service|access)\s+(?:was|were|has been|had been|is)\s+(?:\w+\s+)?(?:restored|back)|"
    r"without (?:the |any |mobile )?(?:internet|connectivity|mobile data|a connection)|"
    r"connectivity\s+(?:[\w-]+\s+){0,5}\d+(?=(?:\.\d+)?\s?(?:%|per ?cent))|"
    r"(?:outages?|disruptions?|cuts?|loss(?:es)?|interruptions?) (?:of|in|to) (?:the )?(?:internet|connectivity|service|mobile data|network))\b",
    re.IGNORECASE,
)
_BLOCKING: Final = re.compile(
    r"\b(?:(?:un)?block(?:ed|s|ing|age)?|ban(?:ned|s|ning)?|filter(?:ed|s|ing)?|censor\w*|inaccessible|unreachable|"
    r"restrict\w*|geo-?block\w*|blacklist\w*|forbid\w*|forbade|prohibit\w*|anti-filters?)\b",
    re.IGNORECASE,
)
_THROTTLING: Final = re.compile(
    r"\b(?:speeds?\s+(?:\w+\s+){0,3}(?:fell|fallen|dropped|reduced|limited|halved)|slow internet|throttl\w+|slow(?:ed|s|ing)?[ -]?(?:down|downs)?|bandwidth|degrad\w+)\b",
    re.IGNORECASE,
)
_ONLINE: Final = re.compile(
    rf"\b(?:{_NET}|anti-filters?|censorship|surveillance|firewall|domains?|URLs?|Wi-?Fi|SIM cards?|4G|3G|5G|LTE|fib(?:re|er)|DNS|circumvention)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Subject:
    """What some words are about.

    Attributes:
        restriction: `shutdown`, `blocking`, `throttling`; empty where they are about none.
        country: Code; empty where none or several are named.
        targets: Services and hosts.
        since: First moment of the time that they are about; null where none is named.
        until: First moment after it.
        words: The subject in a few words.
    """

    restriction: str
    country: str
    targets: tuple[str, ...]
    since: datetime | None
    until: datetime | None
    words: str


def is_online(text: str) -> bool:
    """Whether a text is about the internet or what runs on it."""
    return _ONLINE.search(text) is not None or bool(find_services(text))


def restriction(text: str, *, about_online: bool = False) -> str:
    """The kind of restriction that a text speaks of; empty where it speaks of none.

    Words such as "shut down" and "blocked" count only together with something of the internet.

    Args:
        text: The words.
        about_online: Whether what stands around is about the internet: then "shutdown" alone is understood.
    """
    online = is_online(text)
    if about_online and not online:
        if re.search(r"\b(?:shutdowns?|blackouts?)\b", text, re.IGNORECASE):
            return "shutdown"
        return "blocking" if re.search(r"\bthe (?:ban|block|blocking)\b", text, re.IGNORECASE) else ""
    throttled, shutdown, blocking = _THROTTLING.search(text), _SHUTDOWN.search(text), _BLOCKING.search(text)
    if (
        throttled
        and online
        and not any(one and one.start() < throttled.start() for one in (shutdown, blocking))
    ):
        return "throttling"
    if shutdown and (online or "blackout" in shutdown[0].lower()):
        if blocking and find_services(text) and blocking.start() < shutdown.start():
            return "blocking"
        if find_services(text) and not re.search(
            r"\b(?:internet|mobile data|connectivity|network|broadband|blackout)\b", text, re.IGNORECASE
        ):
            return "blocking"  # "Twitter was shut down"
        return "shutdown"
    if blocking and online:
        return "blocking"
    return ""


def main_country(text: str) -> str:
    """The country that a document is about: the one named most, clearly more often than others; else empty."""
    counts = Counter(one.code for one in find_countries(text[:200_000]))
    ranked = counts.most_common(2)
    if not ranked or (len(ranked) == 2 and ranked[0][1] < 2 * ranked[1][1]):
        return ""
    return ranked[0][0]


def subject(
    words: str, around: str, country: str, base: date | None, dates: Sequence[DateMention] | None = None
) -> Subject:
    """What some words are about, read from them, then from the sentence around them, then from the document.

    Args:
        words: The words.
        around: The sentence or sentences that hold them.
        country: What the document is about.
        base: The document's date.
        dates: The times that the words themselves name, where they were read already.
    """
    own, near = find_countries(words), find_countries(around)
    codes = {one.code for one in own} or {one.code for one in near}
    targets = tuple(dict.fromkeys(one.name for one in find_services(words) or find_services(around)))
    kind = restriction(words) or (restriction(around) if len(words) < 400 else "")
    named = [
        one for one in (find_dates(words, base) if dates is None else dates) if one.since and not one.loose
    ]
    since = min((one.since for one in named if one.since), default=None)
    until = max((one.until for one in named if one.until), default=None)
    topics = list(dict.fromkeys(match[0].lower() for match in _ONLINE.finditer(words)))[:3]
    text = "; ".join(dict.fromkeys([*([kind] if kind else []), *targets, *topics]))
    return Subject(
        kind, codes.pop() if len(codes) == 1 else ("" if codes else country), targets, since, until, text
    )
