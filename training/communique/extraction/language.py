"""Which of the languages a text is in: by its script, and within a script by the letters and little words it uses."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache

from communique.extraction.pages import function_words

_SAMPLE = 600
"""Characters looked at in each of three places, so that neither a page's links nor one long quotation decides."""

_ASCII = re.compile(r"[\x00-\x7f]+")
_SCRIPTS = {
    "latin": re.compile(r"[À-ɏ]"),
    "cyrillic": re.compile(r"[Ѐ-ӿ]"),
    "arabic": re.compile(r"[\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufefc]"),
    "han": re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]"),
}
_WEIGHT = {"latin": 1.0, "cyrillic": 1.0, "arabic": 1.0, "han": 3.0}  # one sign of Han is most of a word
_LETTERS = 0.6
"""About the share of letters in the ASCII of a text; in a Cyrillic or Arabic one it is all blanks and digits."""
_LATIN = ("en", "es", "fr")
_UKRAINIAN = re.compile(r"[іїєґІЇЄҐ]")
_RUSSIAN = re.compile(r"[ыэъёЫЭЪЁ]")


def detect(text: str) -> str:
    """Return the code of the language, "en" for a text with no letters.

    A language that is not one of ours goes by its nearest: Serbian as Russian, Portuguese as Spanish. Time does not
    grow with the text.
    """
    middle, last = len(text) // 2, len(text) - _SAMPLE
    sample = text if last <= 2 * _SAMPLE else text[:_SAMPLE] + text[middle : middle + _SAMPLE] + text[last:]
    if sample.isascii():
        return _latin(sample)
    foreign = _ASCII.sub("", sample)
    weights = {script: _WEIGHT[script] * len(letters.findall(foreign)) for script, letters in _SCRIPTS.items()}
    weights["latin"] += _LETTERS * (len(sample) - len(foreign))
    script = max(weights, key=lambda name: weights[name])
    if script == "arabic":
        return "ar"
    if script == "han":
        return "zh"
    if script == "cyrillic":
        return "uk" if len(_UKRAINIAN.findall(sample)) > len(_RUSSIAN.findall(sample)) else "ru"
    return _latin(sample)


def _latin(sample: str) -> str:
    counts = Counter[str]()
    for codes, count in Counter(map(_languages_of().get, sample.lower().split())).items():
        counts.update(dict.fromkeys(codes or (), count))
    return max(_LATIN, key=lambda code: counts[code])


@cache
def _languages_of() -> dict[str, tuple[str, ...]]:
    """Return the little words of the languages in Latin script, each with those that use it."""
    known = {code: function_words()[code] for code in _LATIN}
    return {word: tuple(code for code in _LATIN if word in known[code]) for word in frozenset().union(*known.values())}
