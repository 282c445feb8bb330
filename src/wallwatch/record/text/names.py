"""Who a noun phrase names: a person, a body, an outlet, or somebody without a name; and in which role."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from wallwatch.record.countries import find_countries, is_place
from wallwatch.record.text import lexicon as lex

_TOKEN = re.compile(
    r"\b(?:Mr|Mrs|Ms|Dr|Prof|Gen|Col|Lt|Maj|Capt|Gov|Sen|Rep|Sgt|St|Jr|Sr|[A-Z])\.(?!\w)|[^\W\d_](?:[\w.’'&/-]*[\w’'])?|\d[\d,.]*|[^\s\w]"
)
_PREPOSITIONS = frozenset("of for at from in with on to".split())
_ADVERBS = frozenset(
    "recently later earlier meanwhile also then however yesterday today now still and but".split()
)
_WORD = re.compile(r"[^\W_]")
_CALLED = re.compile(
    r"^(?:an?|the|one)\s+(?P<role>[\w’' -]{2,60}?)\s+(?:called|named|known as|identified as)\s+(?P<name>.+)$",
    re.IGNORECASE,
)
_FOR = re.compile(r"^(?P<role>.+?)\s+(?:for|of|at|from|with|in)\s+(?P<of>.+)$")


@dataclass(frozen=True, slots=True)
class Speaker:
    """Somebody who may have spoken.

    Attributes:
        name: The name, or the phrase where there is none.
        role: Office or description; empty where none is given.
        sort: `person`, `body`, `outlet`, `unnamed` (described, not named), `pronoun` or `name` (of unknown sort).
        gender: `m`, `f` or empty, where a word of respect or an office tells.
    """

    name: str
    role: str
    sort: str
    gender: str = ""


def tokens(text: str) -> list[tuple[str, int, int]]:
    """Words and signs with their places."""
    return [(match[0], match.start(), match.end()) for match in _TOKEN.finditer(text)]


def bare(word: str) -> str:
    """The word without a possessive ending, in small letters and without a full stop."""
    return re.sub(r"['’]s$|['’]$", "", word).rstrip(".").lower()


def is_capital(word: str) -> bool:
    """Whether the word begins with a capital letter and is not one that any sentence begins with."""
    return word[:1].isupper() and bare(word) not in lex.COMMON


def _joined(words: list[str]) -> str:
    return " ".join(words)


def understood(phrase: str) -> Speaker | None:
    """Who the noun phrase names; null where it names nobody.

    Args:
        phrase: A noun phrase: `Communications Minister Jane Doe`, `the state-run Hamdeli daily`, `he`.
    """
    phrase = " ".join(phrase.split()).strip(" ,;:—–-()")
    if not phrase or len(phrase) > 220:
        return None
    if phrase.lower() in lex.PRONOUNS:
        return Speaker(phrase.lower(), "", "pronoun")
    called = _CALLED.match(phrase)
    if called:
        inner = understood(called["name"])
        return replace(inner, role=called["role"], sort="person") if inner else None
    words = [word for word, _, _ in tokens(phrase)]
    while words and (
        bare(words[0])
        in (
            "the",
            "a",
            "an",
            "one",
            "both",
            "even",
            "only",
            "that",
            "this",
            "its",
            "his",
            "her",
            "their",
            "our",
            "some",
        )
        and len(words) > 1
    ):
        if bare(words[0]) in ("some", "one", "both"):
            break
        if phrase.lower() in lex.outlets() or (
            bare(words[0]) == "the"
            and len(words) > 1
            and f"the {' '.join(words[1:]).lower()}" in lex.outlets()
        ):
            return Speaker(phrase, "", "outlet")
        words = words[1:]
    while len(words) > 1 and bare(words[0]) in _ADVERBS:
        words = words[1:]
    if not words:
        return None
    core = _joined(words)
    if core.lower() in lex.outlets():
        return Speaker(core, "", "outlet")
    if is_place(core):
        return None
    run = _last_run(words)
    if run is None:
        return _unnamed(words)
    first, last = run
    before, name, after = words[:first], words[first:last], words[last:]
    return _named(before, name, after, core)


def _last_run(words: list[str]) -> tuple[int, int] | None:
    """The capitalised words that make the name: the last such run that is no adjective of a country."""
    runs: list[tuple[int, int]] = []
    at = 0
    while at < len(words):
        if not is_capital(words[at]):
            at += 1
            continue
        end = at + 1
        while end < len(words):
            if is_capital(words[end]):
                end += 1
            elif words[end].lower() in lex.PARTICLES:
                behind = end
                while behind < len(words) and words[behind].lower() in lex.PARTICLES:
                    behind += 1
                if behind == len(words) or not is_capital(words[behind]):
                    break
                end = behind + 1
            elif (
                words[end].lower() in lex.JOINERS
                and any(bare(word) in lex.BODY | lex.TITLES | lex.PORTFOLIO for word in words[at:end])
                and (nxt := end + 1 + (words[end + 1 : end + 2] == ["the"])) < len(words)
                and is_capital(words[nxt])
            ):
                end = nxt + 1
            else:
                break
        while end - at > 1 and (is_place(words[at]) or re.search(r"['’]s$", words[at])):
            at += 1  # "Iranian Communications Minister", "Kenya's Communications Authority"
        owner = max((i for i in range(at, end - 1) if re.search(r"['’]s$", words[i])), default=None)
        if owner is not None and not any(bare(word) in lex.BODY for word in words[owner + 1 : end]):
            at = owner + 1  # "Amnesty International's Jane Doe"
        if not (end - at == 1 and (is_place(words[at]) or re.search(r"['’]s?$", words[at]))):
            runs.append((at, end))
        at = end
    if not runs:
        return None
    return runs[0] if len(runs) == 1 else _chosen(words, runs)


def _chosen(words: list[str], runs: list[tuple[int, int]]) -> tuple[int, int] | None:
    """Of several names the one that the phrase is about: not what stands behind "of" or "for"."""
    for at, end in runs[1:]:
        if bare(words[at - 1]) in lex.TITLES:
            return at, end  # "Safaricom chief executive Jane Doe"
    for at, end in runs:
        if at and words[at - 1].lower() in ("of", "for", "at", "from", "in", "with", "on"):
            continue
        return at, end
    return None


def _named(before: list[str], name: list[str], after: list[str], core: str) -> Speaker | None:
    title = max((i for i, word in enumerate(name) if bare(word) in lex.TITLES), default=-1)
    if 0 <= title < len(name) - 1 and name[title + 1] in ("of", "for"):
        # "Minister of Posts and Telecommunications Jane Doe"
        while title + 1 < len(name) and bare(name[title + 1]) in lex.PORTFOLIO:
            title += 1
    before_words = [bare(word) for word in before]
    behind = [bare(word) for word in after]
    gender = _gender([*before_words, *(bare(word) for word in name)])
    role_before = _joined(before).strip(" ,")
    if len(name) == 1 and bare(name[0]) in ("state", "national", "official", "local") and behind[:1]:
        return Speaker(
            _joined([*name, *after]), "", "outlet" if set(behind) & lex.OUTLET_NOUNS else "unnamed"
        )
    stop = next((i for i, word in enumerate(behind) if i and word in _PREPOSITIONS), len(behind))
    if re.search(r"['’]s?$", name[-1]) and after:
        if behind[stop - 1] in lex.TITLES:
            return _unnamed([*before, *name, *after])  # "Safaricom's spokesperson"
        if behind[stop - 1] in lex.BODY | lex.AUTHORITIES:
            return Speaker(_spaced([*name, *after]), "", "body")
        return None
    if stop and behind[stop - 1] in lex.TITLES:
        return _unnamed([*before, *name, *after])  # "the UN special rapporteur on …"
    if any(word in lex.OUTLET_NOUNS for word in behind[:2]) or (
        before_words and before_words[-1] in lex.OUTLET_NOUNS
    ):
        return Speaker(_joined(name), _joined([*before, *after[:2]]), "outlet")
    if set(before_words) & _PREPOSITIONS:
        return _unnamed([*before, *name, *after])  # "a spokesman for Safaricom"
    if title >= 0 and title + 1 < len(name):
        role = _joined([*before, *name[: title + 1]]).strip(" ,")
        rest = name[title + 1 :]
        if not any(bare(word) in lex.BODY for word in rest):
            return Speaker(_clean(rest), role, "person", gender)
    if title == len(name) - 1:
        # An office without a name: "the Communications Minister", "the Iranian President".
        return _unnamed([*before, *name, *after])
    text = _clean(name)
    if text.lower() in lex.outlets():
        return Speaker(text, role_before, "outlet")
    if any(bare(word) in lex.BODY for word in name) or re.fullmatch(r"[A-Z]{2,}[A-Z0-9.&/-]*", name[-1]):
        if name[0][:1].isupper() and any(word in lex.TITLES for word in before_words):
            return _unnamed([*before, *name, *after])  # "Safaricom chief …"
        return Speaker(text, role_before, "body")
    if after and bare(after[-1]) in lex.TITLES:
        return _unnamed([*before, *name, *after])  # "a Safaricom spokesman"
    if after and bare(after[-1]) in lex.AUTHORITIES:
        return Speaker(_joined([*name, *after]), role_before, "body")
    if any(word in lex.TITLES for word in before_words):
        return Speaker(text, role_before, "person", gender)
    if before_words and before_words[-1] in lex.AUTHORITIES | lex.BODY | {"group", "ngo", "startup"}:
        return Speaker(text, role_before, "body")
    if is_place(text) or (len(name) == 1 and text.endswith("ly") and len(text) > 6):
        return None
    if len(name) > 1 and (is_place(name[-1]) or any(re.fullmatch(r"[A-Z]{2,}", word) for word in name)):
        return Speaker(text, role_before, "body")  # "MTN Uganda"
    if after and behind[0] in ("of", "from", "at", "with") and len(after) > 1:
        return Speaker(text, _spaced([*before, *after]), "person" if len(name) > 1 else "name", gender)
    particle = any(word.lower() in lex.PARTICLES for word in name)
    sort = "person" if particle or len([w for w in name if _WORD.match(w)]) >= 2 else "name"
    if after and not set(behind) <= {"himself", "herself", "itself", "jr", "sr", "ii", "iii", "then", "also"}:
        return None
    return Speaker(text, role_before, sort, gender)


def _clean(words: list[str]) -> str:
    text = _joined(words)
    return re.sub(r"['’]s$", "", text).strip(" ,.;:")


def _gender(words: list[str]) -> str:
    if any(word in lex.FEMALE for word in words):
        return "f"
    return "m" if any(word in lex.MALE for word in words) else ""


def _unnamed(words: list[str]) -> Speaker | None:
    """Somebody described without a name: an office, a body, "one resident of Khartoum"; null for nobody in particular."""
    small = [bare(word) for word in words]
    heads = (
        lex.TITLES | lex.AUTHORITIES | lex.BODY | lex.OUTLET_NOUNS | {"member", "members", "mps", "deputies"}
    )
    plural = {f"{head}s" for head in heads}
    # The head is the last word before "of", "for", "in" …
    stop = next(
        (
            i
            for i, word in enumerate(small)
            if i and word in ("of", "for", "at", "in", "from", "with", "on", "to")
        ),
        len(small),
    )
    head = small[stop - 1] if stop else ""
    if head not in heads and head not in plural and not (small[0] == "one" and len(small) <= 4):
        return None
    if len(words) > 18:
        return None
    return Speaker(_spaced(words), "", "unnamed", _gender(small))


def _spaced(words: list[str]) -> str:
    return re.sub(r"\s+([,.;:)])", r"\1", _joined(words)).strip(" ,;:")


def is_role(phrase: str) -> bool:
    """Whether a phrase between commas describes the one named before or after it."""
    phrase = phrase.strip()
    if re.match(r"(?:an?|the|its|his|her|their|our|one of)\s", phrase):
        return True
    if re.match(r"(?:who|whose|which|head of|aged?)\b|\d{2}$", phrase):
        return True
    words = [bare(word) for word, _, _ in tokens(phrase)]
    return any(word in lex.TITLES or word in ("member", "leader", "head") for word in words)


def described(phrase: str) -> str:
    """The role in such a phrase, its article left out."""
    phrase = re.sub(r"^(?:who (?:is|was)|which is)\s+", "", " ".join(phrase.split()))
    if re.match(r"(?:who|whose|which)\b", phrase):
        return ""
    return re.sub(r"^(?:an?|the)\s+", "", phrase).strip(" ,;:")[:160]


def home(text: str) -> str | None:
    """The one country that a text names; null where it names none or several."""
    codes = {one.code for one in find_countries(text)}
    return codes.pop() if len(codes) == 1 else None
