"""The grammar of attribution: what in a sentence is reported, by which word of report, and of whom.

A sentence is searched for words of report: verbs ("said", "accused", "vowed"), nouns ("the claim that"), phrases
("according to") and the colon after a name. Each has a source, the noun phrase on its left, or on its right where the
order is turned around, and a content: the clause or quotation on its right, or the one that it follows. What a
quotation holds is never searched: hearsay in it is its speaker's, and it is one word of the sentence around it.

No part-of-speech tagger is at hand. Closed classes of words, capitals, endings and the order of words stand in for it.
A step looks at a bounded number of words or moves on over its sentence, so that time is linear in the text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import NamedTuple

from communique.extraction.article import Span
from communique.extraction.lexicon import BASE, FINITE, GERUND, PARTICIPLE, PAST, THIRD, Lexicon, Verb
from communique.extraction.phrases import opening_phrase, phrase_after, phrase_before, skip_adjuncts
from communique.extraction.sentences import (
    ADV,
    AUX,
    BE,
    BREAK,
    CAP,
    COLON,
    COMMA,
    COMPL,
    CONJ,
    DASH,
    DET,
    INF,
    NEG,
    NOUN,
    NUMBER,
    OBJECT,
    OPENER,
    OWNER,
    POSS,
    PREDICATE,
    PREP,
    PRON,
    QUOTE,
    REL,
    SOURCE,
    STOP,
    SUB,
    SUBJECT,
    TIME,
    UNPAREN,
    VERB,
    VIEW,
    WORD,
    Sentences,
)

_PAUSES = ",.!?…—–-"

_JOINTS = COMMA | CONJ | DASH | STOP | COLON | QUOTE
"""Classes of words before or after which a content may end."""

SPEECH = 6
"""A quotation of as many words is somebody's speech, and no term that the writer keeps at a distance."""

TELLING = VERB | NOUN | SOURCE | VIEW | COLON | QUOTE
"""Classes of words without which a sentence reports nothing."""


@dataclass
class Draft:
    """An attribution counted in words: half-open pairs of their numbers."""

    contents: list[Span]
    cue: Span | None
    source: Span | None
    frame: str


class _Place(NamedTuple):
    """A verb of report where it stands.

    Parameters
    ----------
    verb
        The entry of the lexicon.
    at, end
        Its words, with particles.
    left
        The word before it and its auxiliaries and adverbs.
    helped
        The classes of those auxiliaries and adverbs.
    """

    verb: Verb
    at: int
    end: int
    left: int
    helped: int

    @property
    def finite(self) -> bool:
        """Whether it has a subject of its own, as "to say" and "saying" have not."""
        return not self.helped & INF and bool(self.helped & AUX or self.verb.forms & (FINITE | BASE))


class Reader:
    """Reads one sentence: the words from `first` up to `last`, in a paragraph that begins with the word `opening`.

    `telling`: those that report or are quotations, in order.
    """

    def __init__(
        self, words: Sentences, lexicon: Lexicon, opening: int, first: int, last: int, telling: Sequence[int]
    ) -> None:
        self.words, self.lexicon, self.telling = words, lexicon, telling
        self.kinds, self.forms = words.kinds, words.forms
        self.met = reduce(or_, self.kinds[first:last])  # all the classes that its words have
        while last > first and not self.kinds[last - 1] & (WORD | QUOTE):
            last -= 1
        self.opening, self.first, self.last = opening, first, last  # last: without marks at the end
        self.drafts: list[Draft] = []
        self.subject: Span | None = None  # of the last word of report
        self.form = 0  # of the last verb of report
        self.tail: int | None = None  # see _tail
        self.announcing = telling[-1] >= last  # a colon is the only such mark
        self.done = first  # the words before it are some attribution's already

    def read(self) -> list[Draft]:
        """Return the attributions of the sentence, in the order of their words of report."""
        kinds = self.kinds
        for at in self.telling:
            if at >= self.last or (at < self.done and not self._breaks_out(at)):
                continue
            kind = kinds[at]
            for bit, rule in self._rules:
                if kind & bit and (draft := rule(self, at)) is not None:
                    first, last = draft.contents[0]
                    while self.drafts and first <= self.drafts[-1].contents[0][0] < last:
                        self.drafts.pop()  # see _reports
                    self.drafts.append(draft)
                    self.subject = draft.source or self.subject
                    self.done = max(draft.contents[-1][1], draft.cue[1] if draft.cue else 0, self.done)
                    break
        if not self.drafts:
            found = self._announces() or self._signed()
            self.drafts += [found] if found else self._leftover()
        return self.drafts

    def _leftover(self) -> list[Draft]:
        """Read long quotations in a sentence that has no word of report: its subject's, as likely as not."""
        if not self.met & QUOTE or not self.met & WORD:
            return []
        text, starts, ends = self.words.text, self.words.starts, self.words.ends
        return [
            Draft([(at, at + 1)], None, opening_phrase(self.words, self.first, self.last), "")
            for at in range(self.first, self.last)
            if self.kinds[at] & QUOTE and len(text[starts[at] : ends[at]].split(maxsplit=SPEECH)) >= SPEECH
        ]

    def _signed(self) -> Draft | None:
        """Read "“...” – X"."""
        first, dash = self.first, self.first + 1
        if not self._kind(first) & QUOTE or not self._kind(dash) & DASH or not self._kind(dash + 1) & CAP:
            return None
        source = phrase_after(self.words, dash + 1, self.last)
        if source is None or source[1] < self.last:
            return None
        return Draft([(first, dash)], (dash, dash + 1), source, "colon")

    def _kind(self, at: int) -> int:
        """Return the classes of a word of the sentence, none outside it."""
        return self.kinds[at] if self.first <= at < self.last else 0

    def _form(self, at: int) -> str:
        """Return a word of the sentence in lower case, "" outside it."""
        return self.forms[at] if self.first <= at < self.last else ""

    def _breaks_out(self, at: int) -> bool:
        """Tell whether a verb inside the last content begins a clause of its own, and cut that content short if so."""
        if not self.kinds[at] & VERB or not self.drafts:
            return False
        content = self.drafts[-1].contents[-1]
        left, _ = self._group(at)
        if left <= content[0] or not self.kinds[left] & WORD:
            return False
        source = phrase_before(self.words, left, content[0])
        if source is None or source[0] - 1 <= content[0]:
            return False
        joint, before = self.kinds[source[0] - 1], self.kinds[source[0] - 2]
        if joint & CONJ and before & (COMMA | STOP | DASH):
            cut = source[0] - 2
        elif joint & (COMMA | DASH) and (
            self._fronted() or (self._kind(at + 1) & (COMMA | COLON) and self._kind(at + 2) & QUOTE)
        ):
            cut = source[0] - 1
        elif joint & STOP or (joint & SUB and not joint & COMPL and before & COMMA):
            cut = source[0] - 1 - bool(before & COMMA)
        else:
            return False
        draft = self._verb(at)
        if draft is None or draft.contents[0][0] < at:
            return False
        self.drafts[-1].contents[-1] = (content[0], cut)
        self.done = cut + 1
        return True

    def _fronted(self) -> bool:
        """Tell whether the sentence begins with no main clause: "While ...", "Asked ...", "Citing ..."."""
        kind, word = self.kinds[self.first], self.forms[self.first]
        return bool(kind & (PREP | SUB)) or word.endswith(("ing", "ed"))

    def _announces(self) -> Draft | None:
        """Read a sentence that ends in a colon: it names the source of the quotation that comes next."""
        end = self.last
        if not self.announcing or end == self.first:
            return None
        at = end - 1
        while at > self.first and not self.kinds[at] & VERB and end - at < 6:
            at -= 1
        if self.kinds[at] & VERB:
            left, helped = self._group(at)
            for verb in self.lexicon.verbs[self.forms[at]]:
                place = _Place(verb, at, at + 1, left, helped)
                if self._is_verb(place):
                    return Draft([], (at, at + 1), self._subject(place), verb.frame)
        source = opening_phrase(self.words, self.first, self.last)
        return Draft([], None, source, "") if source else None

    # -- is it a verb of report? -----------------------------------------------------------------------------------

    def _verb(self, at: int) -> Draft | None:
        """Return the attribution that a verb at `at` makes."""
        left, helped = self._group(at)
        for verb in self.lexicon.verbs[self.forms[at]]:
            end = at + 1 + len(verb.particles)
            if verb.particles and (end > self.last or tuple(self.forms[at + 1 : end]) != verb.particles):
                continue
            place = _Place(verb, at, end, left, helped)
            draft = None
            if self._is_verb(place):
                if self._is_silent(place):
                    return None
                draft = self._told(place) if verb.frame == "tell" else self._said(place)
                draft = None if draft and self._is_unreal(place, draft) else draft
            elif helped & BE and verb.frame == "hold":
                draft = self._passive(place)
            if draft is not None:
                self.form = 0 if place.helped & INF else verb.forms
                return draft
        return None

    def _is_silent(self, place: _Place) -> bool:
        """Tell whether a verb says that nothing was said: "declined to comment", "did not want to say more"."""
        turned = self._kind(place.end) & NEG  # "asked not to be named"
        at = place.end + bool(turned)
        negative = turned or place.helped & NEG or place.verb.lemma in self._words("refusals")
        if not negative or place.verb.frame == "say" or not self._kind(at) & INF:
            return False
        at += 1
        while self._kind(at) & (ADV | BE):
            at += 1
        if self._form(at) in self._words("silences"):
            self.done = max(self.done, at + 1)
            return True
        return False

    def _is_unreal(self, place: _Place, draft: Draft) -> bool:
        """Tell whether what a verb holds is no statement of anybody: "if X says no", "did not say who", "I suspect"."""
        words, forms, source = self._words, self.forms, draft.source
        if place.helped & INF and place.verb.lemma in words("exchanges"):
            return True
        speech = place.verb.frame in ("say", "that", "tell")
        if source is not None and source[1] - 1 <= place.left:
            before = source[0] - 1
            if before >= self.first and forms[before] in words("conditions"):
                return True
            if speech and source[1] == source[0] + 1 and forms[source[0]] in words("writers"):
                return True
        begin, end = draft.contents[0]
        if not speech or begin < place.end:
            return False
        if place.helped & NEG and self.kinds[begin] & OPENER and not self.kinds[begin] & COMPL:
            self.done = max(self.done, end)
            return True
        return (
            end - begin <= SPEECH // 2
            and not words("vague").isdisjoint(forms[begin:end])
            and all(forms[at] in words("vague") or self.kinds[at] & (DET | ADV | PREP) for at in range(begin, end))
        )

    def _words(self, name: str) -> frozenset[str]:
        return self.lexicon.words.get(name, frozenset())

    def _group(self, at: int) -> tuple[int, int]:
        """Return the word before a verb's auxiliaries and adverbs, and the classes of those."""
        helped, left = 0, at - 1
        while left >= self.first:
            kind = self.kinds[left]
            if kind & SUBJECT and kind & AUX:  # "he's", "they'd"
                return left, helped | AUX
            if kind & (AUX | NEG) or (kind & INF and left == at - 1) or (kind & ADV and not kind & (CAP | DET | TIME)):
                helped |= kind & (AUX | BE | INF | NEG)
                left -= 1
            else:
                break
        return left, helped

    def _is_verb(self, place: _Place) -> bool:
        """Tell whether a word that may be a verb is one here, and an active one."""
        forms, helped, before = place.verb.forms, place.helped, self._kind(place.left)
        if helped & BE and not forms & GERUND:
            return False  # passive: see _passive
        if helped & INF:
            return bool(forms & BASE)
        if helped & AUX:
            return True
        if self.kinds[place.at] & CAP and place.at > self.first:
            return False
        if before & (DET | POSS | OWNER | NUMBER | PREP) and not before & (REL | PRON | SUBJECT):
            return bool(forms & GERUND and before & PREP)
        if forms & GERUND:
            return True
        if place.left < self.first:
            return bool(self._kind_before(place.at) & QUOTE)
        if before & (PRON | REL | SUBJECT):
            return not (forms & THIRD and before & DET and not before & REL)  # "both states" are two
        if forms & PAST:
            return self._form(place.end) != "by"
        return self._agrees(place)

    def _agrees(self, place: _Place) -> bool:
        """Tell whether a verb in the present agrees in number with a noun before it, and is no noun itself."""
        before, word = self._kind(place.left), self.forms[place.left]
        singular, nominal = bool(place.verb.forms & THIRD), self._is_nominal(place)
        if before & CONJ and not singular:
            return self._is_coordinated(place)
        if before & (COMMA | DASH | UNPAREN | QUOTE | CONJ):
            return singular and not nominal
        if nominal and self._kind(place.end) & AUX:
            return False
        plural = word.endswith("s") and not word.endswith("ss")
        if singular and not nominal:
            return True
        phrase = phrase_before(self.words, place.left, self.first)
        if phrase is None:
            return False
        if not singular:
            return (
                plural
                or any(self.kinds[at] & CONJ for at in range(*phrase))
                or ((not nominal or bool(self._kind(place.end) & COMPL)) and self._is_plural(phrase))
            )
        opening = self.kinds[phrase[0]]
        if opening & DET and opening & PRON:  # "some steep challenges"
            return False
        return bool(before & CAP) or (not plural and bool(opening & (DET | POSS | OWNER | CAP | NUMBER)))

    def _is_coordinated(self, place: _Place) -> bool:
        """Tell whether a verb in the plural goes on with the one before it: "we condemn ... and demand that ..."."""
        if not self.drafts or not self.form & BASE or self.done < place.left - 1:
            return False
        return not self._is_nominal(place) or bool(self._kind(place.end) & (COMPL | DET | POSS | SUBJECT | CAP | INF))

    def _is_plural(self, phrase: Span) -> bool:
        """Tell whether the noun that a preposition follows is a plural: "experts on television"."""
        for at in range(phrase[0] + 1, phrase[1]):
            if self.kinds[at] & PREP:
                return self.forms[at - 1].endswith("s") and not self.forms[at - 1].endswith("ss")
        return False

    def _is_nominal(self, place: _Place) -> bool:
        """Tell whether a verb in the present may as well be a noun."""
        if place.verb.forms & (PAST | GERUND) or place.helped & AUX:
            return False
        return place.verb.lemma.split()[0] in self._words("nominals")

    def _kind_before(self, at: int) -> int:
        """Return the classes of the word before, also when it belongs to the sentence before in the same paragraph."""
        return self.kinds[at - 1] if at > self.opening else 0

    # -- source ----------------------------------------------------------------------------------------------------

    def _subject(self, place: _Place) -> Span | None:
        """Return the subject of a verb that follows it, else that of the last verb of report or of the sentence."""
        if self._has_subject(place):
            floor = self.done if self.drafts and self.done <= place.left else self.first
            found = phrase_before(self.words, place.left, floor)
            if found is not None and not self._is_vehicle(place, found):
                return self._with_head(found, floor) if self._kind(place.left) & COMMA else found
        return self.subject or opening_phrase(self.words, self.first, self.last)

    def _has_subject(self, place: _Place) -> bool:
        """Tell whether the words before a verb can be a subject of its own."""
        before = self._kind(place.left)
        if before & (CONJ | PREP | SUB) or not before & (WORD | COMMA | DASH | UNPAREN):
            return False
        if place.finite:
            return True
        if before & (COMMA | DASH | UNPAREN):
            return False
        return not place.helped & INF or bool(before & CAP and not self._kind(place.left - 1) & PREP)

    def _is_vehicle(self, place: _Place, found: Span) -> bool:
        """Tell whether a phrase before "saying" carries the words and does not say them: "a letter saying"."""
        if not place.verb.forms & GERUND or place.helped & AUX or found[0] == self.first:
            return False
        return self.forms[place.left] in self._words("vehicles")

    def _with_head(self, found: Span, floor: int) -> Span:
        """Return a phrase with the name that begins it, where more than one apposition stands between."""
        if found[0] - 2 >= floor and self.kinds[found[0] - 1] & COMMA:
            head = phrase_before(self.words, found[0] - 2, floor)
            if (
                head is not None
                and (head[0] == self.first or self.kinds[head[0] - 1] & QUOTE)
                and self.kinds[head[0]] & CAP
            ):
                return head[0], found[1]
        return found

    # -- frames ----------------------------------------------------------------------------------------------------

    def _said(self, place: _Place) -> Draft | None:
        """Read "X said ...", "..., X said", "..., said X", "X vowed to ..."."""
        turned = self._turned(place)
        if turned is not None:
            return turned
        source = self._subject(place)
        begin = source[0] if source and place.left <= source[1] <= place.left + 1 else place.left + 1
        quoted = begin > self.first and bool(self._before(begin) & QUOTE)
        after = self._complement(place, place.end, quoted=quoted)
        if after is not None:
            contents = [self._clause(after, place)]
            if self.kinds[after] & QUOTE and (quoted or self._continues(after, begin)):
                contents = [*self._preceding(begin), *contents]
            return Draft(contents, (place.at, place.end), source, place.verb.frame)
        return self._following(place, source, begin, place.end)

    def _continues(self, quote: int, begin: int) -> bool:
        """Tell whether a quotation goes on with the clause before its source: "When we came, she said, "they left"."""
        first = self.words.text[self.words.starts[quote] + 1]
        return bool(self._before(begin) & COMMA) and first.islower() and bool(self.kinds[quote - 1] & COMMA)

    def _told(self, place: _Place) -> Draft | None:
        """Read "X told Y that ...", "..., X told Y", "X warned Y to ..."."""
        source = self._subject(place)
        begin = source[0] if source and place.left <= source[1] <= place.left + 1 else place.left + 1
        quoted = begin > self.first and bool(self._before(begin) & QUOTE)
        hearer = phrase_after(self.words, place.end, self.last, hearer=True)
        end = hearer[1] if hearer else place.end
        if hearer and self._kind(end) & INF:
            return Draft([self._clause(place.end, place)], (place.at, place.end), source, "hold")
        after = self._complement(place, end, quoted=quoted)
        if after is not None:
            contents = [self._clause(after, place)]
            if quoted and self.kinds[after] & QUOTE:
                contents = [*self._preceding(begin), *contents]
            return Draft(contents, (place.at, place.end), source, place.verb.frame)
        return self._following(place, source, begin, end)

    def _turned(self, place: _Place) -> Draft | None:
        """Read "..., said X": the content, then the verb, then the source."""
        before = self._before(place.at)
        if place.left + 1 != place.at or not place.verb.forms & FINITE or not before & (QUOTE | COMMA | DASH):
            return None
        source = phrase_after(self.words, place.end, self.last)
        if source is None or self._kind(source[1]) & (AUX | VERB | COMPL | INF):
            return None
        if not before & QUOTE:
            clause = range(self.done, place.left)
            reports = not clause and self.drafts  # "Orr called for calm, said an aide"
            if self._kind(place.end) & SUBJECT or not (reports or any(self.kinds[at] & (AUX | VERB) for at in clause)):
                return None  # an apposition: "the minister, Ada Orr, said ..."
        return self._following(place, source, place.at, source[1])

    def _passive(self, place: _Place) -> Draft | None:
        """Read "Y was accused by X of ..." and "Y was described as “...” by X"."""
        if not place.verb.forms & PARTICIPLE:
            return None
        by = place.end
        while by < min(self.last, place.end + SPEECH) and self.kinds[by] & WORD and self.forms[by] != "by":
            by += 1
        by += bool(self._kind(by) & QUOTE)
        if self._form(by) != "by" or (by > place.end and not self.kinds[by - 1] & QUOTE):
            return None
        source = phrase_after(self.words, by + 1, self.last, hearer=True)
        subject = phrase_before(self.words, place.left, self.first)
        if source is None or subject is None:
            return None
        contents = [subject]
        if by > place.end:
            contents.append((place.end, by))
        elif self._kind(source[1]) & (PREP | INF | SUB):
            contents.append(self._clause(source[1], place))
        return Draft(contents, (place.at, place.end), source, "hold")

    # -- contents --------------------------------------------------------------------------------------------------

    def _before(self, begin: int) -> int:
        """Return the classes of the mark or quotation before a source or verb: QUOTE also if a comma stands between."""
        if begin == self.first:
            return QUOTE if self._kind_before(begin) & QUOTE and self._stood_alone(begin - 1) else 0
        if begin <= self.done:
            return 0
        kind = self.kinds[begin - 1]
        if kind & (COMMA | DASH) and begin - 2 >= self.done and self.kinds[begin - 2] & QUOTE:
            return QUOTE
        if kind & QUOTE and begin - 1 > self.first and self._last_character(begin - 1) not in _PAUSES:
            return WORD  # "his “courtesy visit” went on"
        return kind

    def _stood_alone(self, at: int) -> bool:
        """Tell whether the quotation at `at`, in the sentence before, is all of that sentence."""
        return at == self.opening or not self.kinds[at - 1] & (WORD | COMMA | COLON)

    def _preceding(self, begin: int) -> list[Span]:
        """Return the content that ends before the word `begin`, in a list; an empty list if there is none."""
        if begin == self.first:
            return [(begin - 1, begin)] if self._kind_before(begin) & QUOTE else []
        return self._between(self.done, begin)

    def _between(self, start: int, end: int) -> list[Span]:
        """Return the words without the marks around them, in a list; an empty list if there are none."""
        while end > start and not self.kinds[end - 1] & (WORD | QUOTE):
            end -= 1
        while start < end and not self.kinds[start] & (WORD | QUOTE):
            start += 1
        return [(start, end)] if end > start else []

    def _reports(self, begin: int) -> list[Span]:
        """Return the reports that end before the word `begin`, as the content of one more, in a list.

        That "Orr called for calm, an aide said" is the aide's word; but words quoted there are Orr's.
        """
        quoted = any(kind & QUOTE for kind in self.kinds[self.first : begin])
        return [] if quoted or not self.drafts else self._between(self.first, begin)

    def _following(self, place: _Place, source: Span | None, begin: int, end: int) -> Draft | None:
        """Return the attribution whose content stands before source and verb, and perhaps goes on after them."""
        as_ = begin > self.first and self.forms[begin - 1] == "as"
        if as_:
            begin -= 1
        before = self._before(begin)
        rest = skip_adjuncts(self.words, end, self.last)
        goes_on = rest + 1 < self.last and bool(self.kinds[rest] & COMMA)
        if place.verb.frame not in ("say", "tell") and not before & QUOTE:
            return None
        contents = []
        if before & (QUOTE | COMMA | DASH):
            contents = self._preceding(begin) or self._reports(begin)
        elif as_ and goes_on:
            contents = [self._clause(rest + 1, place)]
            goes_on = False
        if not contents or source is None:
            return None
        if goes_on and self._is_adjunct(contents[-1]):
            contents.append(self._clause(rest + 1, place))
        elif goes_on:
            kind = self.kinds[rest + 1]
            broken = self._is_quote(contents[-1]) and not self._ended(contents[-1][0])
            if kind & (QUOTE | AUX) or (kind & CONJ and self._kind(rest + 2) & QUOTE):
                contents.append(self._clause(rest + 1 + bool(kind & CONJ), place))
            elif broken:
                for at in range(rest + 1, self.last):
                    if self.kinds[at] & QUOTE and self.kinds[at - 1] & COMMA:
                        contents.append((at, at + 1))
                        break
        return Draft(contents, (place.at, place.end), source, place.verb.frame)

    def _is_adjunct(self, content: Span) -> bool:
        """Tell whether a content is a prepositional phrase, and no clause."""
        kinds = self.kinds[content[0] : content[1]]
        return bool(kinds[0] & PREP) and not any(kind & (AUX | QUOTE) for kind in kinds)

    def _is_quote(self, content: Span) -> bool:
        return content[1] == content[0] + 1 and bool(self.kinds[content[0]] & QUOTE)

    def _ended(self, at: int) -> bool:
        """Tell whether the quotation at `at` ends a sentence with its last character."""
        return self._last_character(at) in ".!?…"

    def _last_character(self, at: int) -> str:
        """Return the last character of a quotation, without its mark."""
        return self.words.text[max(self.words.starts[at], self.words.ends[at] - 2)]

    def _complement(self, place: _Place, at: int, *, quoted: bool) -> int | None:
        """Return the first word of the content that follows a verb, None if none does.

        With `quoted`, when a quotation stands before: only another one can.
        """
        last, frame = self.last, place.verb.frame
        if frame in ("hold", "vow"):
            kind = self._kind(at)
            if frame == "vow":
                return at if kind & INF else None
            return at if kind and not kind & (BREAK & ~QUOTE) and not kind & CONJ else None
        if (self.announcing or self.met & COLON) and (announced := self._announced(at)) is not None:
            return announced if announced < last and not quoted else None
        strict = frame == "that" or self._is_nominal(place)
        skipped = skip_adjuncts(self.words, at, last)
        for begin in (skipped, at) if skipped > at and self._kind(at) & SUB else (skipped,):
            kind = self._kind(begin)
            if kind & (COMMA | COLON | DASH):
                after = self._kind(begin + 1)
                if after & QUOTE or (after and kind & COLON):
                    return begin + 1
                if after & COMPL and not quoted:
                    return begin + 2 if begin + 2 < last else None
            elif kind & QUOTE:
                return begin
            elif quoted or not kind or kind & (BREAK | CONJ):
                continue
            elif kind & COMPL:
                following = self._kind(begin + 1)
                if not following & AUX or following & SUBJECT:
                    return begin + 1 if begin + 1 < last else None
                if begin == at:
                    return begin
            elif kind & VERB and self.forms[begin].endswith("ing"):
                continue
            elif not strict or self._shows_clause(begin):
                return begin
        return None

    def _announced(self, at: int) -> int | None:
        """Return the quotation that an object announces: "the following: “...”"; None if none is announced here.

        It may come in the next sentence: then it is the word after the last.
        """
        begin = at
        while at < self.last and at - begin < SPEECH and self.kinds[at] & WORD:
            if self.kinds[at] & (AUX | COMPL | SUBJECT) and at > begin:
                return None
            at += 1
        if at == begin or not self.kinds[begin] & (DET | POSS):
            return None
        if at >= self.last:
            return self.last if self.announcing else None
        return at + 1 if self.kinds[at] & COLON and self._kind(at + 1) & QUOTE else None

    def _shows_clause(self, begin: int) -> bool:
        """Tell whether what begins here can only be a clause."""
        kind = self.kinds[begin]
        if kind & (OPENER | SUBJECT):
            return True
        if not kind & (DET | POSS | CAP | PRON):
            return False
        for at in range(begin, min(begin + 8, self.last)):
            if self.kinds[at] & (BREAK | REL):
                return False
            if self.kinds[at] & AUX:
                return True
        return False

    def _clause(self, begin: int, place: _Place | None) -> Span:
        """Return the clause that begins with the word `begin`."""
        kinds = self.kinds
        if kinds[begin] & QUOTE and self._last_character(begin) in ".!?…," and not self._kind(begin + 1) & QUOTE:
            return begin, begin + 1
        if kinds[begin] & QUOTE and kinds[begin - 1] & COLON and self._stands_free(begin):
            return begin, begin + 1
        relative = place is not None and self._is_relative(place)
        last = self._tail() if self.met & (COMMA | QUOTE) else self.last
        last = last if last > begin + 1 else self.last
        for at in range(begin, last):
            kind = kinds[at]
            if not kind & _JOINTS:
                continue
            if kind & QUOTE and self._last_character(at) == "," and self._source_phrase(at + 1):
                return self._trim(begin, at + 1)
            if kind & QUOTE or at == begin:
                continue
            if kind & COLON:
                if self._kind(at + 1) & QUOTE and self._stands_free(at + 1) and self._owns(begin, at, place):
                    return self._trim(begin, at)
            elif (relative and kind & COMMA) or self._ends(at, place) or self._resumes(begin, at, place):
                return self._trim(begin, at)
        return self._trim(begin, last)

    def _stands_free(self, quote: int) -> bool:
        """Tell whether the quotation after a colon is a whole: no word of its clause follows, but perhaps another."""
        after = self._kind(quote + 1)
        return not after & (WORD | QUOTE) or bool(after & CONJ and not self._kind(quote + 2) & QUOTE)

    def _owns(self, begin: int, end: int, place: _Place | None) -> bool:
        """Tell whether the quotation after a content is its source's: no other clause in the content leads up to it."""
        held = place is None or place.verb.frame in ("hold", "vow")
        return not held or not any(kind & AUX for kind in self.kinds[begin:end])

    def _tail(self) -> int:
        """Return where "..., X said" begins at the end of the sentence; its last word if there is no such tail."""
        if self.tail is None:
            self.tail = self.last
            at = self.last - 1
            while at > self.first and self.last - at < SPEECH and self.kinds[at] & WORD and not self.kinds[at] & VERB:
                at -= 1
            left, helped = self._group(at)
            for verb in self.lexicon.verbs[self.forms[at]] if self.kinds[at] & VERB else ():
                place = _Place(verb, at, at + 1, left, helped)
                if verb.frame != "say" or verb.particles or not place.finite or not self._is_verb(place):
                    continue
                if skip_adjuncts(self.words, at + 1, self.last) < self.last:
                    continue
                source = phrase_before(self.words, left, self.first) if self.kinds[left] & WORD else None
                before = self._kind(source[0] - 1) if source else 0
                if source and (before & COMMA or (before & QUOTE and self._last_character(source[0] - 1) == ",")):
                    self.tail = source[0]
        return self.tail

    def _resumes(self, begin: int, at: int, place: _Place | None) -> bool:
        """Tell whether the conjunction at `at` goes on with what its subject did: "vowed war and sent the navy"."""
        if place is None or place.verb.frame not in ("hold", "vow") or not self.kinds[at] & CONJ:
            return False
        if not place.verb.forms & PAST or place.helped & AUX:
            return False
        act = at + 1
        while self._kind(act) & ADV:
            act += 1
        after = self._kind(act + 1)
        regular = self._form(act).endswith("ed") and after & (DET | POSS | OBJECT)
        if not regular and not (self._kind(act) & PREDICATE and after & (DET | POSS | OBJECT | PREP)):
            return False
        return not any(kind & (AUX | REL | SUB | SUBJECT) for kind in self.kinds[begin:at])

    def _is_relative(self, place: _Place) -> bool:
        """Tell whether a verb stands between commas: "the minister, who said ..., left"."""
        return bool(self._kind(place.left) & REL and self._kind(place.left - 1) & COMMA)

    def _trim(self, begin: int, end: int) -> Span:
        while end > begin + 1 and not self.kinds[end - 1] & (WORD | QUOTE):
            end -= 1
        return begin, end

    def _ends(self, at: int, place: _Place | None) -> bool:
        """Tell whether a content that follows a verb ends before the comma or conjunction at `at`."""
        kind, after = self.kinds[at], at + 1
        if kind & COMMA and self._kind(after) & CONJ:
            after += 1
        while self._kind(after) & (ADV | AUX | NEG):
            after += 1
        if self._source_phrase(after) or self._begins_clause(at, place):
            return True
        if not self._kind(after) & VERB:
            return False
        wanted = FINITE if place is None or place.verb.forms & FINITE else FINITE | place.verb.forms
        if kind & (COMMA | DASH):
            wanted |= GERUND
        nominals = self._words("nominals")
        return any(
            verb.forms & wanted
            and not (kind & CONJ and verb.forms & THIRD and verb.lemma in nominals)
            and tuple(self.forms[after + 1 : after + 1 + len(verb.particles)]) == verb.particles
            for verb in self.lexicon.verbs[self.forms[after]]
        )

    def _begins_clause(self, at: int, place: _Place | None) -> bool:
        """Tell whether what is no longer reported begins at `at`: ", but he stayed", or a dash after an object."""
        if place is None or place.verb.frame in ("hold", "vow"):
            if self.kinds[at] & DASH:
                return True
            adversative = True
        else:
            adversative = self._form(at + 1) in self._words("adversatives")
        new = self._kind(at + 2) & (SUBJECT | DET | CAP | POSS)
        if self._kind(at + 2) & COMPL and self._kind(at + 3) & (DET | POSS | SUBJECT | CAP):
            return False  # ", but that the door was open"
        return bool(adversative and self.kinds[at] & COMMA and self._kind(at + 1) & CONJ and new)

    # -- other words of report ---------------------------------------------------------------------------------------

    def _noun(self, at: int) -> Draft | None:
        """Read "X's claim that ...", "his demand for ..."."""
        binder = at + 1
        if binder + 1 >= self.last or self.forms[binder] not in self.lexicon.nouns[self.forms[at]]:
            return None
        left = at - 1
        while (
            left >= self.first
            and self.kinds[left] & WORD
            and not self.kinds[left] & (OWNER | POSS | DET | PREP | AUX | VERB)
        ):
            left -= 1
        if left < self.first or not self.kinds[left] & (OWNER | POSS):
            return None
        source = phrase_before(self.words, left, self.first)
        begin = binder if self.kinds[binder] & INF else binder + 1
        content = self._clause(begin, None)
        if not any(self.kinds[i] & (AUX | VERB) for i in range(self.first, at)):
            content = self._before_predicate(content)
        return Draft([content], (at, at + 1), source, "noun")

    def _before_predicate(self, content: Span) -> Span:
        """Return a content without the predicate of its noun: "the claim that it was so was denied"."""
        seen = False
        for at in range(*content):
            kind = self.kinds[at]
            if kind & (CONJ | SUB | REL | COMMA):
                seen = False
            elif kind & AUX and not self.kinds[at - 1] & (AUX | NEG | ADV | SUBJECT):
                if seen:
                    return self._trim(content[0], at)
                seen = True
        return content

    def _source_phrase(self, at: int) -> int:
        """Return how many words a phrase like "according to" has that stands at `at`, 0 if none does."""
        for phrase in self.lexicon.sources.get(self.forms[at], ()) if at < self.last else ():
            if tuple(self.forms[at : at + len(phrase)]) == phrase and at + len(phrase) < self.last:
                return len(phrase)
        return 0

    def _phrase(self, at: int) -> Draft | None:
        """Read "according to X, ..." and "..., according to X"."""
        length = self._source_phrase(at)
        if not length:
            return None
        source = phrase_after(self.words, at + length, self.last)
        if source is None:
            return None
        contents = self._preceding(at) if at > self.first else []
        if not contents and self._words("vehicles").isdisjoint(self.forms[slice(*source)]):
            contents = self._reports(at)
        if not contents:
            begin = source[1]
            if not self._kind(begin) & COMMA:
                source = phrase_after(self.words, at + length, self.last, hearer=True) or source
                begin = source[1]
            while begin < self.last and not self.kinds[begin] & COMMA:
                begin += 1
            if begin + 1 >= self.last:
                return None
            contents = [self._clause(begin + 1, None)]
        elif self._kind(source[1]) & COMMA and self._kind(source[1] + 1) & AUX:
            contents.append(self._clause(source[1] + 1, None))
        return Draft(contents, (at, at + length), source, "phrase")

    def _view(self, at: int) -> Draft | None:
        """Read "in X's view, ..." and "..., in X's words"."""
        if not self._kind(at - 1) & (OWNER | POSS):
            return None
        source = phrase_before(self.words, at - 1, self.first)
        if source is None or not self._kind(source[0] - 1) & PREP:
            return None
        begin = source[0] - 1
        contents = self._preceding(begin) if begin > self.first else []
        if not contents and self._kind(at + 1) & COMMA and at + 2 < self.last:
            contents = [self._clause(at + 2, None)]
        return Draft(contents, (begin, at + 1), source, "phrase") if contents else None

    def _colon(self, at: int) -> Draft | None:
        """Read "X: ..." at the beginning of a sentence, and "criticised the plan: “...”"."""
        if self.drafts and self.drafts[-1].cue and self.drafts[-1].contents[-1][1] == at and self._kind(at + 1) & QUOTE:
            return Draft([(at + 1, at + 2)], self.drafts[-1].cue, self.drafts[-1].source, "say")
        name = range(self.first, at)
        if not 0 < len(name) <= 6 or at + 2 >= self.last:
            return None
        if not all(self.kinds[i] & (CAP | PREP | DET) and not self.kinds[i] & AUX for i in name):
            return None
        return Draft([(at + 1, self.last)], (at, at + 1), (self.first, at), "colon")

    _rules = ((VERB, _verb), (NOUN, _noun), (SOURCE, _phrase), (VIEW, _view), (COLON, _colon))
