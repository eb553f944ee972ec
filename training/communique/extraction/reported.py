"""Who said what, in languages other than English: a plain grammar of quotation, driven by the words of the language.

It reads the orders that news is written in: the cue before a quotation or a clause ("X said: ...", "X said that ..."),
behind it with the subject turned around («...», said X), inside it («..., — said X. — ...»), and phrases that name a
source ("according to X, ..."). What a quotation holds is one word of the sentence around it, as in English. Scripts
without blanks or with clitics are cut at the words the language's file knows.

Every step looks at a bounded number of words or moves on over its sentence: time is linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from communique.extraction.article import Article, Span
from communique.extraction.asides import open_up
from communique.extraction.attribution import Attribution, Kind
from communique.extraction.lexicon import GERUND, Frame, Lexicon
from communique.extraction.quotes import Quote, find_quotes
from communique.extraction.segments import cut_words, is_participle, read_phrases
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
    NUMBER,
    PAREN,
    POSS,
    PREP,
    QUOTE,
    REL,
    STOP,
    SUB,
    SUBJECT,
    TIME,
    VERB,
    WORD,
    Sentences,
    read_sentences,
)  # fmt: skip
from communique.extraction.titles import Titles, titles_of

REACH = 30
"""How many words are looked over for a subject or a complement."""

_TURNED_PRONOUN = re.compile("-(?:t-)?")
_NAME = re.compile(r"[^.!?…,;:。！？，]{1,60}")
_OPENING, _CLOSING = frozenset("《〈(（[$€£"), frozenset("》〉)）]%")  # marks that belong to the words they stand at


@dataclass
class _Draft:
    """An attribution counted in words."""

    contents: list[Span]
    cue: Span | None
    source: Span | None
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class _Cue:
    """A verb of report: from `begin` with its auxiliaries, to `end`; `subject` if a pronoun stands inside them.

    One that `holds` may have an object for its content, whatever its frame: "denied the charge".
    """

    begin: int
    end: int
    frame: Frame
    gerund: bool
    subject: Span | None
    holds: bool


def report(article: Article, lexicon: Lexicon) -> tuple[Attribution, ...]:
    """Return the attributions in the body of an article in a language other than English, in the order of the text."""
    body = article.body
    quotes = open_up(article.text, body, find_quotes(article.text, body), lexicon)
    words = cut_words(read_sentences(article.text, body, quotes, lexicon), lexicon)
    page = _Page(words, quotes, lexicon, titles_of(lexicon))
    found = (_write(page, draft) for draft in page.read())
    return tuple(sorted((one for one in found if one is not None), key=lambda one: one.spans[0]))


class _Page:
    """Reads the sentences of an article one after the other; a quotation alone goes to the attribution beside it."""

    def __init__(self, words: Sentences, quotes: Sequence[Quote], lexicon: Lexicon, titles: Titles) -> None:
        self.words, self.quotes, self.lexicon, self.titles = words, quotes, lexicon, titles
        self.kinds, self.forms = words.kinds, words.forms
        self.heads = titles.offices | titles.organisations | titles.honorifics | titles.shortened.keys()
        self.sources: dict[str, list[tuple[str, ...]]] = {}
        for phrase in read_phrases(lexicon, "source") + read_phrases(lexicon, "accord"):
            self.sources.setdefault(phrase[0], []).append(phrase)
        self.accords = frozenset(
            read_phrases(lexicon, "accord")
        )  # "in accordance with", of rules as well as of speakers
        self.as_words = read_phrases(lexicon, "as")
        self.this_words = read_phrases(lexicon, "this")
        self.unspaced = lexicon.language == "zh"
        self.speaker: Span | None = None  # the last source

    def read(self) -> list[_Draft]:
        """Return all attributions."""
        drafts: list[_Draft] = []
        waiting: list[Span] = []
        near: _Draft | None = None
        open_colon: _Draft | None = None
        before = -1
        sentence: Span | None = None
        for (first, last), paragraph in zip(self.words.bounds, self.words.paragraphs, strict=True):
            alone = self._quotes_alone(first, last)
            if paragraph != before:
                if waiting and not (alone and self._is_continued(waiting[-1])):
                    drafts.append(_Draft(waiting, None, self.speaker, 0.5))
                    waiting = []
                if near is not None and not self._is_continued(near.contents[-1]):
                    near = None
                before = paragraph
            if alone:
                if open_colon is not None:
                    open_colon.contents = alone
                    drafts.append(open_colon)
                    near, open_colon = open_colon, None
                elif near is not None:
                    near.contents += alone
                else:
                    waiting += alone
                sentence = first, last
                continue
            reader = _Reader(self, first, last, sentence if not waiting else waiting[-1])
            found = reader.read()
            open_colon = reader.announced
            quoting = [draft for draft in found if self._is_quoting(draft)]
            for draft in found:
                if waiting and draft is next(iter(quoting), None):
                    draft.contents[:0] = waiting
                    waiting = []
                if waiting and reader.anaphoric:
                    draft.contents = waiting
                    waiting = []
                drafts.append(draft)
            if waiting:
                drafts.append(_Draft(waiting, None, self.speaker, 0.5))
                waiting = []
            near = quoting[-1] if quoting else None
            sentence = None if found else (first, last)
        if waiting:
            drafts.append(_Draft(waiting, None, self.speaker, 0.5))
        return drafts

    def _quotes_alone(self, first: int, last: int) -> list[Span]:
        """Return the quotations of a sentence that holds nothing else."""
        kinds = self.kinds
        if any(kinds[at] & WORD for at in range(first, last)):
            return []
        return [(at, at + 1) for at in range(first, last) if kinds[at] & QUOTE]

    def _is_continued(self, content: Span) -> bool:
        return (
            content[1] == content[0] + 1
            and bool(self.kinds[content[0]] & QUOTE)
            and self.quotes[self.words.quotes[content[0]]].continued
        )

    def _is_quoting(self, draft: _Draft) -> bool:
        return any(last == first + 1 and self.kinds[first] & QUOTE for first, last in draft.contents)

    def is_name(self, at: int) -> bool:
        """Tell whether a quotation is the name of a paper, a ship or a firm, or a word set in quotation marks."""
        quote = self.quotes[self.words.quotes[at]]
        if quote.inner[1] - quote.inner[0] > 60:
            return False
        inner = self.words.text[slice(*quote.inner)]
        if not quote.closed or not _NAME.fullmatch(inner):
            return False
        if self.unspaced:
            return len(inner) <= 6
        capital = not inner[0].islower()
        return len(inner.split()) <= (3 if capital else 2)


class _Reader:
    """Reads one sentence: the words from `first` on, up to `last`."""

    def __init__(self, page: _Page, first: int, last: int, sentence: Span | None) -> None:
        self.page, self.kinds, self.forms, self.lexicon = page, page.kinds, page.forms, page.lexicon
        self.first, self.sentence = first, sentence
        end = last
        while end > first and not self.kinds[end - 1] & (WORD | QUOTE | COLON) and self.forms[end - 1] not in _CLOSING:
            end -= 1
        self.last = end
        self.done = first
        self.drafts: list[_Draft] = []
        self.announced: _Draft | None = None  # "X said:" whose quotation is the next paragraph
        self.anaphoric = False  # "This was said by X", of the sentence before

    def read(self) -> list[_Draft]:
        """Return the attributions of the sentence."""
        at = self.first
        while at < self.last:
            draft, after = None, at + 1
            if at >= self.done:
                size = self._phrase_at(at)
                if size:
                    draft = self._according(at, at + size)
                if draft is None and self.kinds[at] & VERB and (cue := self._cue(at)):
                    draft = self._said(cue)
                    after = cue.end
                if draft is None and self.kinds[at] & COLON and not self.drafts:
                    draft = self._labelled(at)
            if draft is not None:
                self.drafts.append(draft)
                if draft.source:
                    self.page.speaker = draft.source
                ends = [draft.cue[1] if draft.cue else at + 1, *(end for _, end in draft.contents)]
                self.done = max(self.done, *ends)
            at = after
        return self.drafts

    def _phrase_at(self, at: int) -> int:
        """Return how many words of a phrase that names a source stand at `at`, 0 if none does."""
        if at < self.last and (phrases := self.page.sources.get(self.forms[at])):
            for phrase in phrases:
                if tuple(self.forms[at : at + len(phrase)]) == phrase:
                    return len(phrase)
        return 0

    # -- cues

    def _cue(self, at: int) -> _Cue | None:
        """Return the verb of report at `at` with the auxiliaries before it."""
        kinds, forms = self.kinds, self.forms
        if self.page.unspaced and self._is_outdone(at):
            return None
        for verb in self.lexicon.verbs[forms[at]]:
            end = at + 1 + len(verb.particles)
            if end <= self.last and tuple(forms[at + 1 : end]) == verb.particles:
                break
        else:
            return None
        begin, subject, helped = at, None, False
        while begin > self.first and begin >= self.done and at - begin < 6:
            kind = kinds[begin - 1]
            turned = (
                kind & SUBJECT
                and begin - 2 >= self.first
                and kinds[begin - 2] & AUX
                and forms[begin - 2] not in ("s'", "l'")
            )
            if kind & (BE | NEG):
                return None
            if not turned and not kind & (AUX | ADV):
                break
            if turned:
                subject = begin - 1, begin
            helped = helped or bool(kind & AUX)
            begin -= 1
        while begin < at and not kinds[begin] & AUX:
            begin += 1
        before = kinds[begin - 1] if begin > self.first else 0
        if before & NEG or (before & (DET | POSS | PREP) and not before & SUBJECT and not helped):
            return None
        if is_participle(forms[at], self.lexicon) and not helped:
            return None
        turned = end < self.last and kinds[end] & SUBJECT and subject is None
        if turned and self.page.words.text[self.page.words.starts[end]] == "-":  # "explique-t-il"
            subject = end, end + 1
        holds = forms[at] in self.lexicon.words.get("holding", ())
        return _Cue(begin, end, verb.frame, bool(verb.forms & GERUND), subject, holds)

    def _is_outdone(self, at: int) -> bool:
        """Tell whether another verb of report stands nearer to what was said: "answering questions she said:"."""
        end = at + 1
        while end < min(self.last, at + 10) and not self.kinds[end] & BREAK:
            end += 1
        return (
            end > at + 1
            and end < self.last
            and bool(self.kinds[end] & (COMMA | COLON | QUOTE) and self.kinds[end - 1] & VERB)
            and any(verb.frame != "hold" for verb in self.lexicon.verbs[self.forms[end - 1]])
        )

    def _said(self, cue: _Cue) -> _Draft | None:
        """Read the attribution that a verb makes."""
        kinds = self.kinds
        end = cue.end + (cue.subject is not None and cue.subject[0] == cue.end)
        left = self._before(cue.begin)
        begin = left[0] if left else cue.begin
        right = None if left or cue.subject or cue.gerund or self.page.unspaced else self._after(end)
        if right and cue.frame == "hold" and not self._quote_before(begin):
            right = self._first_noun(right)
        behind = right[1] if right else end
        quoted = self._quote_before(begin)
        asked = self._complement(behind)
        source = cue.subject or left or right or self._inherited(cue)
        if not (cue.subject or left or right or cue.gerund) and self.done == self.first:
            place = self._place(self.first)
            source = place if place and place[1] == cue.begin else source
        span = (cue.begin, end)
        if self._is_anaphor(begin, left):
            self.anaphoric = True
            source = right or self.page.speaker
            return _Draft([self.sentence], span, source) if self.sentence else None
        if quoted and not cue.gerund:
            if not (right or cue.subject or left):
                source = self._place(end) or source
            return _Draft([*quoted, *self._resumed(behind)], span, source)
        if self._is_as(begin) and source:
            return self._parenthetical(begin, behind, span, source)
        turned = begin > self.done and kinds[begin - 1] & (COMMA | DASH) and not cue.gerund
        turned = turned and (right is None or self._is_subject(right))
        turned = turned and bool(right or cue.subject) and not (asked and not kinds[asked - 1] & COLON)
        if turned and (content := self._preceding(begin)) and content[1] - content[0] > 1:
            return _Draft([content, *self._resumed(behind)], span, source)
        if asked is not None:
            if asked >= self.last:
                self.announced = _Draft([], span, source)
                if source:
                    self.page.speaker = source
                return None
            return _Draft(self._content(asked), span, source)
        named = cue.holds and bool(left or cue.subject)
        if cue.frame == "hold" or self.page.unspaced or named:
            start = end if left or cue.subject or self.page.unspaced or not right else behind
            start = self._without_times(start)
            if cue.frame != "hold" and named and not (start < self.last and kinds[start] & (DET | POSS | INF)):
                return None
            if start < self.last and source and (kinds[start] & (WORD | QUOTE) or self.forms[start] in _OPENING):
                return _Draft(self._content(start), span, source)
        return None

    def _without_times(self, at: int) -> int:
        """Return the first word after the commas and times that stand at `at`: "rejected on Monday the offer"."""
        kinds = self.kinds
        while at < self.last:
            if kinds[at] & (COMMA | TIME) and not kinds[at] & DET:
                at += 1
            elif kinds[at] & DET and at + 1 < self.last and kinds[at + 1] & TIME:
                at += 2
            else:
                break
        return at

    def _place(self, at: int) -> Span | None:
        """Return what stands for who speaks behind a preposition: "in the ministry they say", "said in the note"."""
        if at >= self.last or not self.kinds[at] & PREP or self._is_medium(at + 1):
            return None
        end = at + 1
        while end < min(self.last, at + 12) and not self.kinds[end] & (
            BREAK | PREP | VERB | COMPL | TIME | AUX | NEG | SUBJECT
        ):
            end += 1
        names = any(self._is_head(i) or self.kinds[i] & CAP for i in range(at + 1, end))
        return (at + 1, end) if names else None

    def _is_medium(self, at: int) -> bool:
        """Tell whether a word is where things are posted, and nobody who speaks: "wrote on X"."""
        return at < self.last and self.forms[at] in self.lexicon.words.get("media", ())

    def _is_subject(self, right: Span) -> bool:
        """Tell whether a noun phrase behind a verb may be its subject: no indefinite thing, no dative."""
        first, last = right
        if self.forms[first] in self.page.titles.indefinite:
            return self._has_head(first, last)
        cyrillic = self.lexicon.language in ("ru", "uk")
        return not (
            cyrillic and last == first + 1 and self.kinds[first] & CAP and self.forms[first].endswith(("у", "ю"))
        )

    def _speaks(self, source: Span) -> bool:
        """Tell whether a noun phrase begins with somebody who can speak, not a rule or a plan."""
        first, last = source
        while first < last - 1 and self.kinds[first] & (DET | POSS):
            first += 1
        form, titles = self.forms[first], self.page.titles
        if self.page.unspaced:
            said = last < self.last and self.kinds[last] & VERB
            return bool(said) or any(
                form.removesuffix("的").endswith(word) for word in titles.offices | titles.organisations
            )
        bare = "ال" + form[2:] if form.startswith("لل") else form[1:] if form.startswith("ل") else form
        return (
            any(self._is_head(at) for at in range(first, min(first + 2, last)))
            or bool(self.kinds[first] & CAP)
            or (bare in titles.offices or bare in titles.organisations)
        )

    def _first_noun(self, right: Span) -> Span | None:
        """Return the subject that an object follows without a mark between them: its office with what belongs to it."""
        first, end = right
        if "proclitics" not in self.lexicon.words or not self._is_head(first):
            return None
        at = first + 1
        while at < end and self.forms[at] in self.page.titles.modifiers:
            at += 1
        return first, at

    def _inherited(self, cue: _Cue) -> Span | None:
        """Return the subject that a verb without one takes over: that of the sentence, or the last speaker."""
        for draft in reversed(self.drafts):
            if draft.source:
                return draft.source
        if cue.gerund or (cue.begin > self.first and self.kinds[cue.begin - 1] & CONJ):
            at = self._skip(self.first)
            end = at
            while end < cue.begin and end - at < 12 and not self.kinds[end] & (BREAK | AUX | VERB | REL | PREP | SUB):
                end += 1
            if (
                end > at
                and end < cue.begin
                and self.kinds[at] & WORD
                and (self.kinds[end] & (AUX | VERB) or self._has_head(at, end))
            ):
                return self._head_of(at, end)
        return self.page.speaker

    def _has_head(self, first: int, last: int) -> bool:
        return any(self._is_head(at) for at in range(first, last))

    def _head_of(self, first: int, last: int) -> Span:
        """Return the noun phrase that words begin with: up to the last name or office in them."""
        for at in range(last - 1, first - 1, -1):
            if self._is_head(at) or self.kinds[at] & CAP:
                return first, at + 1
        return first, last

    def _is_head(self, at: int) -> bool:
        """Tell whether a word is a pronoun, an office or an organisation."""
        return bool(self.kinds[at] & SUBJECT) or self.forms[at] in self.page.heads

    def _is_anaphor(self, begin: int, left: Span | None) -> bool:
        for phrase in self.page.this_words:
            start = (left[1] if left else begin) - len(phrase)
            if (
                start >= self.first
                and start - self.first < 4
                and tuple(self.forms[start : start + len(phrase)]) == phrase
            ):
                return True
            if (
                tuple(self.forms[self.first : self.first + len(phrase)]) == phrase
                and begin <= self.first + len(phrase) + 1
            ):
                return True
        return False

    def _is_as(self, begin: int) -> bool:
        for phrase in self.page.as_words:
            if tuple(self.forms[max(begin - len(phrase), 0) : begin]) == phrase and begin - len(phrase) >= self.first:
                return True
        return False

    # -- subjects

    def _before(self, end: int, *, apposed: bool = False) -> Span | None:
        """Return the noun phrase that ends before the word `end`; `apposed` if an apposition follows it there."""
        kinds, forms = self.kinds, self.forms
        last = end - 1
        if (
            last < self.done
            or not (kinds[last] & (WORD | QUOTE | COMMA) or forms[last] in _CLOSING)
            or (apposed and kinds[last] & (COMMA | REL))
        ):
            return None
        if forms[last] in (")", "）"):  # "the ministry (MFA) said"
            at = next((i for i in range(last - 1, max(self.done, last - 9), -1) if forms[i] in ("(", "（")), -1)
            return self._before(at) if at > self.done and not apposed else None
        if kinds[last] & COMMA:  # "X, the minister, said"
            comma = next((at for at in range(last - 1, max(self.first, last - 14), -1) if kinds[at] & COMMA), -1)
            if comma <= self.done:
                return None
            head = self._before(comma, apposed=True)
            if (
                head
                and self.kinds[comma + 1] & (PREP | ADV)
                and head[0] == self._skip(self.first)
                and self._has_head(*head)
            ):
                return head
            named = head and self._is_name(comma + 1, last) and self._has_head(*head)
            if not named and not self._names_office(comma + 1, last):
                return None
            return (head[0], last) if head else None
        if kinds[last] & REL:
            before = last - 1 - (last > self.first and kinds[last - 1] & COMMA > 0)
            return self._before(before + 1, apposed=True) if before >= self.done else None
        first = end
        while first > max(self.done, end - REACH):
            kind = kinds[first - 1]
            if kind & QUOTE and self.page.is_name(first - 1):
                first -= 1
                continue
            verbal = kind & VERB and not kind & CAP and first < end and not self.page.unspaced
            if verbal or (kind & (BREAK | REL | SUB | COMPL) and not (kind & COMPL and kind & DET)):
                break
            if kind & CONJ and not (
                first < end
                and kinds[first - 2] & WORD
                and (kinds[first] & kinds[first - 2] & CAP or self.page.unspaced)
            ):
                break
            if kind & CONJ and first - 2 < self.done:
                break
            first -= 1
        for phrase in self.page.this_words + self.page.as_words:
            if tuple(forms[first : first + len(phrase)]) == phrase:
                first += len(phrase)
                break
        first = self._skip(first, end)
        cut = first
        while cut < end and not (kinds[cut] & (PREP | TIME | NEG | AUX | self.page.unspaced * VERB) and cut > first):
            cut += 1
        while cut > first and kinds[cut - 1] & (ADV | TIME | NUMBER | AUX) and not kinds[cut - 1] & SUBJECT:
            cut -= 1
        return (first, cut) if cut > first and any(kinds[at] & (WORD | QUOTE) for at in range(first, cut)) else None

    def _skip(self, at: int, end: int | None = None) -> int:
        """Return the first word after the adverbs, times and prepositional phrases that stand at `at`."""
        kinds, end = self.kinds, min(self.last if end is None else end, at + REACH)
        while at < end:
            kind = kinds[at]
            if kind & SUBJECT:
                break
            if kind & PREP:
                at += 1
                if self._is_medium(at):
                    at += 1
                    continue
                begin = at
                while at < end and not kinds[at] & (BREAK | PREP | SUBJECT | COMPL | REL | VERB):
                    opens = self._is_head(at) or kinds[at] & (DET | POSS)
                    if at > begin and opens and not kinds[at - 1] & (DET | POSS | PREP):
                        break
                    if (
                        at > begin
                        and kinds[at] & TIME
                        and not self.page.unspaced
                        and kinds[at - 1] & TIME == 0
                        and at > begin + 1
                    ):
                        break
                    at += 1
                if at < end and kinds[at] & QUOTE and self.page.is_name(at):
                    at += 1
            elif (kind & (ADV | TIME | CONJ | NUMBER | AUX) and not kind & (DET | CAP | VERB)) or kind & TIME:
                at += 1
            elif kind & DET and at + 1 < end and kinds[at + 1] & TIME:
                at += 2
            elif self.forms[at] in ("(", "（"):
                close = next((i for i in range(at, min(end, at + 9)) if self.forms[i] in (")", "）")), -1)
                if close < 0:
                    break
                at = close + 1
            else:
                break
        return at

    def _after(self, at: int) -> Span | None:
        """Return the noun phrase that begins at or soon after `at`, with its apposition."""
        kinds = self.kinds
        first = self._skip(at)
        if (
            first >= self.last
            or not (kinds[first] & WORD)
            or kinds[first] & (COMPL | REL | SUB | NEG)
            or self._is_opener(first)
        ):
            return None
        if kinds[first] & SUBJECT:
            return first, first + 1
        end = first
        while end < min(self.last, first + REACH):
            kind = kinds[end]
            if kind & QUOTE:
                if end == first or not self.page.is_name(end):
                    break
            elif (
                kind & (BREAK | COMPL | REL | SUB | PREP | NEG)
                or (kind & AUX and not kind & DET)
                or (kind & VERB and not kind & CAP)
                or self._is_opener(end)
            ):
                break
            elif kind & CONJ:
                if not (end + 1 < self.last and kinds[end - 1] & kinds[end + 1] & CAP):
                    break
            elif (end > first and kind & (ADV | TIME) and not kind & DET) or (
                end > first and kind & DET and not kinds[end - 1] & (PREP | DET) and not self._belongs(end - 1)
            ):
                break
            end += 1
        if end == first:
            return None
        if end < self.last and kinds[end] & COMMA:
            apposed = end + 1
            while apposed < min(self.last, end + 16) and not kinds[apposed] & (BREAK & ~QUOTE | COMPL | REL | VERB):
                apposed += 1
            if self._names_office(end + 1, apposed) or (self._is_name(end + 1, apposed) and self._has_head(first, end)):
                end = apposed
        return first, end

    def _belongs(self, at: int) -> bool:
        return self.forms[at] in self.page.titles.belonging

    def _is_opener(self, at: int) -> bool:
        return self.forms[at] in self.lexicon.words.get("clause_openers", ())

    def _names_office(self, first: int, last: int) -> bool:
        """Tell whether the words begin with an office: "minister of ...", "the ministry's spokesman"."""
        return (
            0 < last - first < 16
            and not self.kinds[first] & (PREP | REL | SUB | CONJ | VERB | COMPL)
            and self._has_head(first, min(last, first + 4))
        )

    def _is_name(self, first: int, last: int) -> bool:
        return 0 < last - first < 6 and all(self.kinds[at] & CAP for at in range(first, last))

    # -- contents

    def _quote_before(self, begin: int) -> list[Span]:
        """Return the quotations that end right before the word `begin`."""
        kinds, at = self.kinds, begin - 1
        marks = 0
        while (at >= self.done and kinds[at] & (COMMA | DASH | STOP)) or (at >= self.done and not kinds[at]):
            marks += 1
            at -= 1
        if at < self.done or not kinds[at] & QUOTE:
            return []
        if not marks and self.page.is_name(at):
            return []
        content = self._preceding(begin)
        if content is None:
            return []
        if content[1] - content[0] == 1:
            return [content]
        if not any(kinds[i] & WORD for i in range(*content)):
            return [(i, i + 1) for i in range(*content) if kinds[i] & QUOTE]
        return [content] if marks else []

    def _preceding(self, begin: int) -> Span | None:
        """Return the content between the last attribution and the word `begin`."""
        kinds, start, end = self.kinds, self.done, begin
        while end > start and not kinds[end - 1] & (WORD | QUOTE):
            end -= 1
        while start < end and not kinds[start] & (WORD | QUOTE):
            start += 1
        return (start, end) if end > start else None

    def _resumed(self, at: int) -> list[Span]:
        """Return the quotations that go on after an attribution between them."""
        kinds = self.kinds
        at = self._skip(at)
        found: list[Span] = []
        while at < self.last:
            begin = at
            while at < self.last and (kinds[at] & (COMMA | DASH | COLON | STOP) or not kinds[at]):
                at += 1
            if at > begin and at < self.last and kinds[at] & QUOTE:
                found.append((at, at + 1))
                at += 1
            else:
                break
        return found

    def _complement(self, at: int) -> int | None:
        """Return the first word of what a verb has for its object behind `at`; `last` if it ends with a colon."""
        kinds = self.kinds
        begin, near = at, self._skip(at)
        while at < min(self.last, begin + REACH):
            kind = kinds[at]
            if kind & COMPL and (at <= near or kinds[at - 1] & (COMMA | PREP)):
                return at + 1 if at + 1 < self.last else None
            if self._is_opener(at):
                return at
            if kind & COLON:
                return at + 1
            if self.page.unspaced and not kind & (QUOTE | COMMA):
                return None
            if kind & QUOTE and not (self.page.is_name(at) and kinds[at - 1] & WORD and at > begin):
                if at - begin >= 12:
                    return None
                return near if near < at and kinds[near] & WORD else at  # "said to be “very worried”"
            if kind & (STOP | PAREN | REL | SUB | SUBJECT | VERB) or (kind & CONJ and not self.page.unspaced):
                return None
            if kind & (COMMA | DASH):
                after = kinds[at + 1] if at + 1 < self.last else 0
                if self.page.unspaced and kind & COMMA and at + 1 < self.last:
                    return at + 1
                if (
                    not after & (COMPL | QUOTE)
                    and not (at + 1 < self.last and self._is_opener(at + 1))
                    and not after & (PREP | TIME | ADV)
                ):
                    return None
            at += 1
        return None

    def _content(self, begin: int) -> list[Span]:
        """Return the content that begins with a word: a quotation and what takes it up again, or a clause."""
        kinds = self.kinds
        while begin < self.last and not kinds[begin] & (WORD | QUOTE) and self.forms[begin] not in _OPENING:
            begin += 1
        if begin < self.last and kinds[begin] & QUOTE:
            bound = begin > self.first and kinds[begin - 1] & COMPL
            if begin + 1 >= self.last or kinds[begin + 1] & BREAK or not (bound or self.page.is_name(begin)):
                return [(begin, begin + 1), *self._resumed(begin + 1)]
        return [self._clause(begin)]

    def _clause(self, begin: int) -> Span:
        """Return the clause that begins with a word, up to the next verb of report with the same subject."""
        kinds, at = self.kinds, begin
        while at < self.last:
            kind = kinds[at]
            if self.forms[at] in (";", "；"):
                break
            if at > begin and kind & (COMMA | CONJ | DASH):
                after = at + 1
                while after < self.last and kinds[after] & (CONJ | AUX | ADV | DASH) and after - at < 5:
                    after += 1
                if after < self.last and self._begins_report(after, gerund=bool(kind & (COMMA | DASH))):
                    break
                if kind & COMMA and (self._phrase_at(at + 1)):
                    break
            at += 1
        while at > begin and not kinds[at - 1] & (WORD | QUOTE) and self.forms[at - 1] not in _CLOSING:
            at -= 1
        return begin, max(at, min(begin + 1, self.last))

    def _begins_report(self, at: int, *, gerund: bool) -> bool:
        if not self.kinds[at] & VERB:
            return False
        before = self.kinds[at - 1]
        cue = self._cue_at(at)
        return cue is not None and (gerund or not cue.gerund or bool(before & CONJ))

    def _cue_at(self, at: int) -> _Cue | None:
        done, self.done = self.done, min(self.done, at)
        try:
            return self._cue(at)
        finally:
            self.done = done

    def _parenthetical(self, begin: int, behind: int, cue: Span, source: Span) -> _Draft | None:
        """Read "As X said, ..." and "..., as X said"."""
        start = begin - 1
        content = self._preceding(start) if start > self.done else None
        if content is None or (content[1] - content[0] < 3 and not self.kinds[content[0]] & QUOTE):
            at = behind
            while at < min(self.last, behind + REACH) and not self.kinds[at] & (COMMA | COLON | QUOTE):
                at += 1
            if at + 1 >= self.last or not self.kinds[at] & (COMMA | COLON | QUOTE):
                return None
            return _Draft(self._content(at), cue, source)
        return _Draft([content], cue, source)

    def _according(self, at: int, end: int) -> _Draft | None:
        """Read "according to X, ..." and "..., according to X"."""
        kinds = self.kinds
        source = self._after(end) if not (end < self.last and kinds[end] & (VERB | BREAK)) else None
        if source is None or source[0] - end > 4:
            return None
        if tuple(self.forms[at:end]) in self.page.accords and not self._speaks(source):
            return None
        after = source[1]
        while (
            self.page.unspaced
            and after < self.last
            and (kinds[after] & VERB or self.forms[after] in self.lexicon.words.get("whole", ()))
        ):
            after += 1
        opening = all(kinds[i] & (CONJ | ADV) or not kinds[i] & (WORD | QUOTE) for i in range(self.done, at))
        if opening and source[1] >= self.last:  # no apposition that runs to the end: "according to X, the plan ..."
            after = next((i for i in range(*source) if kinds[i] & COMMA), after)
            source = source[0], after
        if not opening:
            content = self._preceding(at)
            return _Draft([content], (at, end), source) if content else None
        stop = min(self.last, after + REACH)
        while after < stop and not kinds[after] & (COMMA | DASH | QUOTE | COLON | COMPL):
            after += 1
        if after >= stop or (after + 1 >= self.last and not kinds[after] & QUOTE):
            return None
        return _Draft(self._content(after), (at, end), source)

    def _labelled(self, at: int) -> _Draft | None:
        """Read "X: «...»" at the beginning of a sentence."""
        kinds = self.kinds
        if not 0 < at - self.first < 7 or at + 1 >= self.last or not kinds[at + 1] & QUOTE:
            return None
        if any(not kinds[i] & WORD or kinds[i] & (VERB | AUX | PREP) for i in range(self.first, at)):
            return None
        if not self._has_head(self.first, at) and not self._is_name(self.first, at):
            return None
        return _Draft(self._content(at + 1), (at, at + 1), (self.first, at), 0.6)


def _write(page: _Page, draft: _Draft) -> Attribution | None:
    """Return the attribution in offsets of characters."""
    words, quotes = page.words, page.quotes
    spans: list[Span] = []
    whole = holds = 0
    for first, last in draft.contents:
        inside = [at for at in range(first, last) if words.kinds[at] & QUOTE]
        if last == first + 1 and inside:
            spans.append(quotes[words.quotes[first]].inner)
            whole += 1
        elif last > first:
            spans.append((words.starts[first], words.ends[last - 1]))
            holds += any(
                not page.is_name(at) or not words.text[quotes[words.quotes[at]].inner[0]].isupper() for at in inside
            )
    spans = [span for span in spans if span[1] > span[0]]
    if not spans:
        return None
    kind: Kind = "direct" if whole == len(draft.contents) else "partial" if whole or holds else "indirect"
    return Attribution(
        tuple(sorted(spans)), kind, _offsets(words, draft.cue), _offsets(words, draft.source), draft.confidence
    )


def _offsets(words: Sentences, span: Span | None) -> Span | None:
    if span is None or span[1] <= span[0]:
        return None
    start, end = words.starts[span[0]], words.ends[span[1] - 1]
    if turned := _TURNED_PRONOUN.match(words.text, start, end):
        start = turned.end()
    return (start, end) if start < end else None
