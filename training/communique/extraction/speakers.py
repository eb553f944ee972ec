"""Who speaks: name, office and actor of the source of each attribution.

The source is a noun phrase as it stands beside the cue. A name is given in the fullest form that the article has;
"he", "the minister" and "the group" are followed back to whom they stand for; "a senior official" stays as it is. Where
an attribution has no source, the one who spoke just before is taken, with less confidence, or nobody.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from communique.extraction.antecedents import Antecedents
from communique.extraction.article import Article, Paragraph, Span
from communique.extraction.attribution import Attribution
from communique.extraction.labels import Labels
from communique.extraction.layout import Layout
from communique.extraction.lexicon import Lexicon
from communique.extraction.mentions import Kind, Mention, Mentions
from communique.extraction.offices import NONE, read_office
from communique.extraction.roster import Referent, Roster
from communique.extraction.titles import CAPITAL, Titles, titles_of

_LONGEST = 400  # of a source, in characters
_LETTERHEAD = 2000  # characters above a text that are looked at
_OPENING = 12  # characters in which the first sentence names whose release it is
_SAID = 12  # speakers among whom "the diplomat" is sought
_NEAR = 6  # attributions that are looked at for one without a source
_RELATIVE = re.compile(r"[;:\n, ](?:(?<![, ])|(?:(?<=,) )?(?<= )(?:who|which|that|whose|whom)\b)")
_WHOSE = re.compile(r"['’]s?$")
_OWNER = re.compile(r"\w(?:['’]s|s['’])$")
_YEARS_OLD = re.compile(r"\d{1,3}-year-old$")
_LIST = re.compile(r"(?:,? (?:and|&) |, )(?:the |The )?")
_CHUNK = re.compile(r",| and ")
_APPOSED = re.compile(r",? ")
_MEMBER = re.compile(rf", (?:and )?(?:the )?[{CAPITAL}]")
_PARTICIPLE = re.compile(r"[A-Za-z]+ing$")
_OURSELVES = re.compile(rf"\bWe, (?:the )?((?:[^,.;:\n]|, (?=[{CAPITAL}]|and )){{1,300}}),")
_NOUN = re.compile(r"(?:[ \xa0]|-)([^\W\d_][\w’'-]*)")
_DASH = re.compile(r"[.,!?]?[”\"’»]{0,2}\s*[―—–-]{1,2}\s*")
_SIGNED = re.compile(r"[ \xa0]*(?:$|[\n,(“\"])")
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True)
class Speaker:
    """Who says it; empty where the article does not tell.

    Parameters
    ----------
    name
        In the fullest form in the article, without titles and articles; of one who is not named, what he or she is
        called there ("a senior official", "foreign ministry").
    office
        In lower case: "foreign minister", "spokesperson".
    actor
        The country or organisation that is spoken for.
    confidence
        From 0 (nobody was found) to 1.
    """

    name: str = ""
    office: str = ""
    actor: str = ""
    confidence: float = 0.0


def resolve(article: Article, attributions: Sequence[Attribution], lexicon: Lexicon) -> tuple[Speaker, ...]:
    """Find the speaker of each attribution, one for each and in their order; ``Speaker()`` where none can be found.

    Time grows with the length of the article and the number of attributions, whatever the text.
    """
    if not attributions:
        return ()
    resolver = _Resolver(article, attributions, titles_of(lexicon))
    found = resolver.resolve()
    del resolver.antecedents.roster  # else the two hold each other until the garbage collector comes by
    return tuple(Speaker(one.name, one.office, one.actor, one.confidence) if one.name else Speaker() for one in found)


class _Resolver:
    """The speakers of one article."""

    def __init__(self, article: Article, attributions: Sequence[Attribution], titles: Titles) -> None:
        self.article, self.text, self.attributions, self.titles = article, article.text, attributions, titles
        transcript = any(attribution.kind == "turn" for attribution in attributions)
        speech = sorted(
            (start, end, number)
            for number, attribution in enumerate(attributions)
            if attribution.kind in ("direct", "turn")
            for start, end in attribution.spans
        )
        self.speech = speech
        self.layout = Layout(
            self.text, [part.start for part in article.body], [(start, end) for start, end, _ in speech], titles
        )
        # The lines above a transcript tell who is there; of an article, a headline tells nothing that names can be read
        # from, and the rest of the page is not the article's.
        told = [
            (part.start, part.end)
            for part in article.paragraphs
            if transcript or (part.kind in ("body", "caption", "dateline") and not self._is_headline(part))
        ]
        self.mentions = Mentions(self.text, told, titles)
        self.antecedents = Antecedents(self.mentions, self.layout, titles)
        self.roster = Roster(self.mentions, self.layout, titles, self.antecedents.whose, transcript)
        self.antecedents.roster = self.roster
        self.labels = Labels(self.text, attributions, self.roster, titles)
        self.found: list[Referent] = []
        self._we: Referent | None = None
        self._letterhead: str | None = None

    def _is_headline(self, part: Paragraph) -> bool:
        """Tell whether a paragraph is set in capitals as headlines are."""
        if part.end - part.start > 200:
            return False
        opening = [word[0] for word in self.text[part.start : part.end].split() if len(word) > 3]
        return len(opening) > 3 and sum(map(str.isupper, opening)) * 5 > len(opening) * 4

    def resolve(self) -> list[Referent]:
        """Find all speakers: those with a source in their order, then the others beside them."""
        for attribution in self.attributions:
            if attribution.source is None:
                self.found.append(Referent(-1))
                continue
            if attribution.kind == "turn":
                found = self.labels.read(attribution.source)
            else:
                # "Kolmari would stay, he said": a pronoun takes up nobody whom its own content names.
                start, end = attribution.source
                begun = next((span[0] for span in reversed(attribution.spans) if span[1] <= start), start)
                found = self._source(start, end, begun)
            if found.name:
                self.antecedents.said.append(found)
            self.found.append(found)
        resolved = [
            self._infer(number) if attribution.source is None else self.found[number]
            for number, attribution in enumerate(self.attributions)
        ]
        persons = {one.actor for one in resolved if one.office and one.actor in self.mentions.of_name}
        actors = {name: actor for name in persons if (actor := self.roster.spoken_for(name)) != name}
        return [one._replace(actor=actors[one.actor]) if one.actor in actors else one for one in resolved]

    # The noun phrase beside the cue

    def _source(self, start: int, end: int, before: int) -> Referent:
        """Read a noun phrase; ``before``: what it takes up if it is a pronoun stands before that place."""
        start, end = self._trim(start, end)
        phrase = self.text[start:end]
        if not phrase:
            return Referent(start)
        if kind := self.titles.pronouns.get(phrase.lower()):
            found = self._first_person(start) if kind == "we" else self.antecedents.of(kind, before)
            return found._replace(place=start) if found else Referent(start)
        stop = _RELATIVE.search(phrase, 1)
        end = start + stop.start() if stop else self.mentions.end_of_title(end)  # "Ms. | Orr", "Gen. | (ret.) Ana Poe"
        names = self._names(start, end)
        if len(names) > 1:
            return self._several(names)
        if not names:
            return self._description(start, end)
        name = names[0]
        the = self.text[name.at - 4 : name.at] in ("the ", "The ")
        alone = the and name.end >= end and not name.lead and name.name.lower() in self.titles.organs
        if alone and (known := self.antecedents.institution(name.name.lower(), start)):
            return known  # "The Ministry"
        if the and name.name.lower() in self.titles.affiliations:
            return self.antecedents.person(start) or self.roster.named(name, end)  # "the Republican"
        return self.roster.named(name, end)

    def _trim(self, start: int, end: int) -> Span:
        """Leave out what does not belong to a noun phrase at its ends."""
        text = self.text
        start, end = max(start, 0), min(end, len(text), max(start, 0) + _LONGEST)
        while start < end and not (text[start].isalnum() or text[start] in '“"‘@#$£€'):
            start += 1
        while end > start and not (text[end - 1].isalnum() or text[end - 1] in ')’”".%'):
            end -= 1
        bare = start < end and not (text[start].isalnum() or any(map(str.isalnum, text[start:end])))
        return (start, start) if bare else (start, end)

    def _names(self, start: int, end: int) -> list[Mention]:
        """Find the name at the head of a noun phrase, or the names of a list."""
        text, titles = self.text, self.titles
        heads: list[Mention] = []
        tail, owner = end, False  # where the list goes on; whether what stands there owns the office of the next name
        for run in self.mentions.read(start, end):
            if not run.name:
                continue
            if not run.title and (self.mentions.kind(run.name) == "word" or self._is_no_name(run)):
                continue
            if heads:
                joint = _LIST.fullmatch(text, tail, run.start)
                if not joint and not owner:
                    break
                if joint and self._describes(run, end, "," in joint[0]):
                    # "Jean Morval, the Tarquian president, and Tamuri’s envoy, Lin": his office, or the next one's.
                    stop = _CHUNK.search(text, run.end, end)
                    tail, owner = stop.start() if stop else end, joint[0].lstrip(", ").startswith(("and ", "& "))
                    continue
                if owner and not _APPOSED.fullmatch(text, tail, run.start):
                    break
                if joint and not owner and text.startswith(",", run.end) and not _MEMBER.match(text, run.end, end):
                    break
                heads.append(run)
                tail, owner = run.end, False
                continue
            if run.end < end and self.mentions.is_possessive(run):
                if not text[run.end : end].strip("'’s "):
                    return [run]  # "Kolmari’s", before a noun of report
                continue
            behind = _NOUN.match(text, run.end, end)
            if behind and behind[1].lower() not in titles.links:
                continue  # "Kolmari supporters"
            before = text[start : run.start].rpartition(", ")[2].split()
            if not before or self._leads(before, first=len(before) == len(text[start : run.start].split())):
                heads.append(run)
                tail = run.end
        return heads

    def _describes(self, run: Mention, end: int, apposed: bool) -> bool:
        """Tell whether a name begins a description: "Tarquia’s president", "the Tarquian president"."""
        if self.mentions.is_possessive(run):
            return True
        behind = _NOUN.match(self.text, run.end, end)
        if not behind or behind[1].lower() in self.titles.links:
            return False
        return apposed or bool(self.mentions.state(run.name)) or behind[1].lower() in self.titles.offices

    def _is_no_name(self, run: Mention) -> bool:
        """Tell of a word that only has a capital: "Ministers", "Views", "Listening to"."""
        word, titles = run.name.lower(), self.titles
        if word in titles.mute:
            return True
        if word[-1] == "s":
            return word.rpartition(" ")[2][:-1] in (titles.governing if " " in word else titles.offices)
        if word[-3:] == "ing" and (behind := _NOUN.match(self.text, run.end)):
            return behind[1].lower() in titles.belonging
        return False

    def _leads(self, before: Sequence[str], first: bool) -> bool:
        """Tell whether words may stand before the name that heads a noun phrase: "the centrist", "longtime adviser"."""
        last = before[-1].lower()
        if last in self.titles.offices:
            return True
        if any(word.lower() in self.titles.belonging for word in before):
            return False
        if _OWNER.search(last):
            return True
        return last in self.titles.definite or (first and len(before) < 4 and not last.endswith(("ing", "s")))

    def _several(self, names: Sequence[Mention]) -> Referent:
        several = [self.roster.named(name, name.end) for name in names]
        shown = list(dict.fromkeys(one.name for one in several))
        actors = {one.actor for one in several}
        joined = f"{', '.join(shown[:-1])} and {shown[-1]}" if len(shown) > 1 else shown[0]
        actor = actors.pop() if len(actors) == 1 else ""
        return Referent(names[0].start, joined, "", actor, 0.8, "person", plural=True)

    def _first_person(self, place: int) -> Referent | None:
        """Give who says "I" or "we": whose speech it is in; outside all speech the author."""
        at = bisect_right(self.speech, (place, len(self.text), len(self.attributions))) - 1
        if at >= 0 and place < self.speech[at][1]:
            number = self.speech[at][2]
            return self.found[number] if number < len(self.found) and self.found[number].name else None
        if self.article.byline:
            return Referent(place, self.article.byline, "", self.article.outlet, 0.6, "person")
        return self._signatories() or self._issuer()

    def _signatories(self) -> Referent | None:
        """Give who a joint statement is of: "We, the Foreign Ministers of Veldania and Tamuri, ..."."""
        if self._we is None:
            self._we = Referent(-1)
            told = _OURSELVES.search(self.text)
            if told and not self.layout.is_quoted(told.start()):
                self._we = Referent(told.start(), _SPACE.sub(" ", told[1]), "", "", 0.8, None, plural=True)
        return self._we if self._we.name else None

    def _house(self) -> str:
        """Give the organ of state that the lines above the text, or its first words, name: whose release it is."""
        if self._letterhead is None:
            self._letterhead = ""
            end = (self.layout.paragraphs[0] if self.layout.paragraphs else 0) + _OPENING
            for run in self.mentions.read(0, min(end, len(self.text), _LETTERHEAD)):
                if run.name and run.name.split()[-1].lower() in self.titles.organs:
                    self._letterhead = self.roster.organisation(run, run.name, run.end + 80).name
                    break
        return self._letterhead

    def _issuer(self) -> Referent | None:
        """Give the organisation whose release it is: the first to speak, with which the text begins."""
        first = next((one for one in self.found if one.name), None)
        begins = self.layout.paragraphs[0] if self.layout.paragraphs else 0
        if first is None or first.kind != "organisation" or not begins <= first.place < begins + _OPENING:
            return None
        return first._replace(confidence=0.6)

    # A description

    def _description(self, start: int, end: int) -> Referent:
        """Give whom a noun phrase without a name stands for."""
        titles, roster = self.titles, self.roster
        chunks = _SPACE.sub(" ", self.text[start:end]).split(", ")
        while len(chunks) > 1 and chunks[0].split()[0].lower() in titles.links - titles.definite - titles.indefinite:
            del chunks[0]  # "However, ..."
        words = chunks[0].split()
        if self._is_mute(words):
            return Referent(start)
        cut = self._end_of_noun(words)
        head = words[cut - 1].lower().strip("’'\".”)")
        opening = words[0].lower()
        plural = head.endswith("s") and not head.endswith("ss") and head not in titles.organisations
        begin, owner = self._owner(words[:cut], head)
        actor = roster.actor(owner, start)
        if plural and (we := self._we) and we.name and len(words) == begin + 1 and words[-1] in we.name.split():
            return we._replace(place=start)  # "The Ministers" of a joint statement
        definite = opening in titles.definite or bool(owner and opening not in titles.indefinite)
        if _YEARS_OLD.fullmatch(head) and (person := self.antecedents.person(start)):
            return person
        rest = " ".join(words[begin:])
        if definite and not plural and head in titles.offices:
            office = read_office(rest, titles, self.mentions) or NONE
            actor = actor or roster.actor(office.owner, start)
            release = self._house() if rest[0].isupper() and not owner and not actor else ""
            if release and (holder := roster.minister_of(release, head, start)):
                return holder  # "The Minister"
            if holder := roster.holder(office.name or head, head, actor, start):
                return holder
            if not owner and (known := self._described(head)):
                return known._replace(place=start, confidence=0.7)
            if actor or not owner:
                return Referent(start, office.name or rest, office.name, actor, 0.6, "person")
        if definite and head in titles.organisations:
            if not actor and begin + 1 == len(words) and (known := self.antecedents.institution(head, start)):
                return known
            if actor or not owner:
                if not actor and (town := re.match(r"(?:of|for|in) (?:the )?([^a-z].*)", " ".join(words[cut:]))):
                    actor = self.mentions.state(town[1]) or town[1]  # "the city council of Sunmar"
                return Referent(start, rest, "", actor or rest, 0.8 if actor else 0.65, "organisation")
        if not definite and not owner and head in titles.public and not plural:
            held = read_office(" ".join(words), titles, self.mentions)
            actor = roster.actor(held.owner, start) if held.owner else ""
            name = " ".join([opening, *words[1:]]) if opening in titles.indefinite else " ".join(words)
            if actor:
                return Referent(start, name, held.name, actor, 0.85, None)
        if not definite and not owner:
            states = (self.mentions.state(word) for word in words[:cut] if word[0].isupper())
            actor = next(filter(None, states), "")
        if opening in titles.definite and len(words) > 1:
            words = words[1:]
        elif opening in titles.indefinite or opening in titles.pronouns:
            words[0] = opening
        kind: Kind | None = "organisation" if head in titles.organisations else None
        sure = opening in titles.indefinite or plural
        return Referent(start, " ".join(words), "", actor, 0.85 if sure else 0.6, kind, plural)

    def _end_of_noun(self, words: Sequence[str]) -> int:
        """Tell how many words come before what belongs to the noun: "the envoy | of Tamuri"."""
        return next((i for i, word in enumerate(words) if i and word.lower() in self.titles.belonging), len(words))

    def _described(self, head: str) -> Referent | None:
        """Give who has spoken without a name and with that noun: "a senior diplomat", whom "the diplomat" takes up."""
        for other in reversed(self.antecedents.said[-_SAID:]):
            words = other.name.lower().split()
            if other.kind is None and not other.plural and head in words[: self._end_of_noun(words)]:
                return other
        return None

    def _is_mute(self, words: Sequence[str]) -> bool:
        """Tell what does not speak, whatever it is: "The", "2015", "Then", "you", "the views", "listening to ..."."""
        titles, plain = self.titles, [word.lower() for word in words]
        if all(word in titles.definite or not any(map(str.isalpha, word)) for word in plain):
            return True
        if plain[-1] in titles.mute and (len(plain) == 1 or (len(plain) == 2 and plain[0] in titles.definite)):
            return True
        if len(plain) == 1 and plain[0] not in titles.speaking:
            # One thing or person is "a ..." or "the ...": a bare noun that speaks is of many, or a name.
            return plain[0] in titles.openers or (words[0].islower() and words[0].isalpha() and words[0][-1] != "s")
        follows = len(plain) > 1 and plain[1] in titles.belonging
        return bool(follows and _PARTICIPLE.match(plain[0]) and plain[0] not in titles.organisations)

    def _owner(self, words: Sequence[str], head: str) -> tuple[int, str]:
        """Find whose it is, in front of the noun: where the rest begins, and the owner's words or pronoun."""
        titles, last = self.titles, len(words) - 1
        begin = 1 if words[0].lower() in (titles.definite | titles.indefinite) and last else 0
        if not begin and last and words[0].lower() in titles.pronouns:
            return 1, words[0].lower()
        whose = next((i for i in range(begin, last) if _WHOSE.search(words[i])), None)
        if whose is not None and (words[begin][0].isupper() or whose == begin):
            return whose + 1, _WHOSE.sub("", " ".join(words[begin : whose + 1]))
        upper = begin
        while upper < last and words[upper][0].isupper() and words[upper].lower() not in titles.modifiers:
            upper += 1
        called = " ".join(words[begin:upper])
        if called and (head in titles.offices or self.mentions.state(called) or self.mentions.state(words[begin])):
            return upper, called
        return begin, ""

    # Without a source

    def _infer(self, number: int) -> Referent:
        """Take who spoke in the same paragraph, whom the sentence before is about, or who spoke in the one before."""
        attribution, layout = self.attributions[number], self.layout
        nobody = Referent(-1)
        if attribution.kind == "indirect" or not attribution.spans:
            return nobody
        if signed := self._signature(attribution.spans[-1][1]):
            return signed
        place = attribution.spans[0][0]
        paragraph, begins = layout.paragraph(place), layout.start_of_paragraph(place)
        for step, confidence in ((-1, 0.65), (1, 0.6)):
            if other := self._beside(number, step, paragraph):
                return other._replace(confidence=min(confidence, other.confidence))
        if subject := self.antecedents.subject(place, begins):
            return subject
        if place - begins > 3 or paragraph < 1:  # the quotation does not open its paragraph
            return nobody
        if subject := self.antecedents.subject(begins, layout.paragraphs[paragraph - 1]):
            return subject
        other = self._beside(number, -1, paragraph - 1, passing=paragraph)
        return other._replace(confidence=min(0.5, other.confidence)) if other else nobody

    def _signature(self, end: int) -> Referent | None:
        """Give whose name stands behind a dash after a quotation: "“...” — Davit Kolmari"."""
        dash = _DASH.match(self.text, end)
        run = next(iter(self.mentions.read(dash.end(), dash.end() + 80)), None) if dash else None
        if run is None or not run.name or not dash or run.start != dash.end() or not _SIGNED.match(self.text, run.end):
            return None
        return self.roster.named(run, run.end)._replace(confidence=0.8)

    def _beside(self, number: int, step: int, paragraph: int, passing: int = -1) -> Referent | None:
        """Give the nearest speaker with a source in a paragraph, backwards or forwards."""
        for other in range(number + step, number + step * _NEAR, step):
            if not 0 <= other < len(self.found) or not self.attributions[other].spans:
                return None
            where = self.layout.paragraph(self.attributions[other].spans[0][0])
            if where not in (paragraph, passing):
                return None
            if self.found[other].name:
                return self.found[other]
        return None
