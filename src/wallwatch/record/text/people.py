"""Who was named so far, so that "he" and a surname alone find whom they stand for; or nobody, where it is not clear."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from wallwatch.record.text import lexicon as lex
from wallwatch.record.text.attribution import leading_subject
from wallwatch.record.text.names import Speaker, bare, is_capital, tokens, understood
from wallwatch.record.text.sentences import MASK

#: Sentences back that a pronoun may reach.
_REACH = 3
_ASIDE = re.compile(r",\s*(?:who|whose|which|where|when|whom)\b[^,;.]*,?|\([^)]*\)")


@dataclass(slots=True)
class People:
    """The people and bodies that a document has named up to a place.

    Attributes:
        full: Last name to the full name with its role, where one person has it.
        bodies: The bodies and outlets by name.
    """

    full: dict[str, Speaker | None] = field(default_factory=dict)
    bodies: dict[str, Speaker] = field(default_factory=dict)
    _sentence: int = 0
    _subject: tuple[int, Speaker] | None = None
    _body: tuple[int, Speaker] | None = None
    _others: list[tuple[int, str]] = field(default_factory=list)

    def read(self, masked: str) -> None:
        """Takes in a sentence, after the statements in it were looked at."""
        self._sentence += 1
        plain = masked.replace(MASK, " ")
        subject = leading_subject(masked)
        for one in _names(plain):
            self._learn(one)
            if one.sort == "person":
                self._mention(one)
        if subject is None:
            return
        if subject.sort == "pronoun":
            known = self.resolve(subject)
            if known is not None:
                self._take(known)
            return
        self._learn(subject)
        self._take(self._expanded(subject))

    def spoke(self, speaker: Speaker) -> None:
        """Notes who a statement was given to."""
        self._learn(speaker)
        if speaker.sort in ("person", "name"):
            self._subject = (self._sentence + 1, speaker)
            self._others = [one for one in self._others if one[1] == speaker.name]
        elif speaker.sort in ("body", "outlet", "unnamed"):
            self._body = (self._sentence + 1, speaker)

    def resolve(self, speaker: Speaker) -> Speaker | None:
        """Who it is: a surname becomes a full name, a pronoun the one it stands for; null where that is not clear."""
        if speaker.sort != "pronoun":
            return self._expanded(speaker)
        if speaker.name in lex.PERSONAL:
            return self._person("m" if speaker.name == "he" else "f")
        if speaker.name == "it" and self._body is not None and self._sentence - self._body[0] < 2:
            return self._body[1]
        return None

    def _person(self, gender: str) -> Speaker | None:
        if self._subject is None or self._sentence - self._subject[0] >= _REACH:
            return None
        place, who = self._subject
        if who.gender and who.gender != gender:
            return None
        rivals = {name for at, name in self._others if at >= place and not _same(name, who.name)}
        return None if rivals else who

    def _take(self, subject: Speaker) -> None:
        if subject.sort in ("person", "name"):
            self._subject = (self._sentence, subject)
            self._others = [one for one in self._others if one[0] == self._sentence]
        elif subject.sort in ("body", "outlet", "unnamed"):
            self._body = (self._sentence, subject)

    def _mention(self, one: Speaker) -> None:
        self._others.append((self._sentence, one.name))
        del self._others[:-12]

    def _learn(self, one: Speaker) -> None:
        words = one.name.split()
        if one.sort in ("body", "outlet") and (one.name not in self.bodies or one.role):
            self.bodies[one.name] = one
        if one.sort != "person" or len(words) < 2:
            return
        last = words[-1].lower()
        known = self.full.get(last, one)
        if known is not None and known.name != one.name and not _same(known.name, one.name):
            self.full[last] = None  # two people of that name
        elif known is None:
            return
        elif len(one.name) > len(known.name) or (one.role and not known.role) or last not in self.full:
            self.full[last] = replace(one, role=one.role or known.role)

    def _expanded(self, one: Speaker) -> Speaker:
        words = one.name.split()
        if one.sort in ("person", "name"):
            known = self.full.get(words[-1].lower())
            if known is not None and (len(words) == 1 or _same(known.name, one.name)):
                role = one.role if one.role and not _is_respect(one.role) else known.role or one.role
                return replace(known, role=role, gender=one.gender or known.gender)
        if one.sort == "unnamed" and len(words) <= 2:
            head = bare(words[-1])
            holders = {
                known.name: known
                for known in self.full.values()
                if known and head in known.role.lower().split()
            }
            if head in lex.TITLES and len(holders) == 1:
                return next(iter(holders.values()))
            bodies = [
                known
                for known in self.bodies.values()
                if head in {bare(word) for word in f"{known.name} {known.role}".split()}
            ]
            if len(bodies) == 1:
                return bodies[0]
        return one


def _is_respect(role: str) -> bool:
    return bare(role) in ("mr", "mrs", "ms", "miss", "dr", "prof", "sir")


def _same(one: str, two: str) -> bool:
    """Whether two names may be of one person: one has all the words of the other."""
    first, second = set(one.lower().split()), set(two.lower().split())
    return first <= second or second <= first


def _names(text: str) -> list[Speaker]:
    """The people that a sentence names outside asides."""
    text = _ASIDE.sub(" , ", text)
    found: list[Speaker] = []
    words = tokens(text)
    at = 0
    while at < len(words):
        if not is_capital(words[at][0]):
            at += 1
            continue
        end = at + 1
        while end < len(words) and (
            is_capital(words[end][0])
            or (
                words[end][0].lower() in lex.PARTICLES
                and end + 1 < len(words)
                and is_capital(words[end + 1][0])
            )
        ):
            end += 1
        start = at - 1 if at and bare(words[at - 1][0]) in lex.TITLES else at
        one = understood(text[words[start][1] : words[end - 1][2]])
        if one is not None:
            found.append(one)
        at = end
    return found
