"""From text to tokens.

A statement is first split at white space into *words* (as ``str.split`` does). Everything after that depends on a word
alone, so it is done once for each distinct word: folding, cutting a word into *tokens* with a pattern, character
n-grams. A token pattern is therefore applied within a word; one that could match across white space would be cut there.

The default pattern keeps what carries stance: "not", "no", "I", "won't", "U.S." and every punctuation mark is a token.
scikit-learn's own default drops "I", turns "won't" into "won" and loses "U.S." altogether.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from communique.errors import DataError, UsageError

# Vowel signs and other marks that Python's \w leaves out although words are written with them, in living scripts of the
# basic plane; without them "\w+" breaks vowelled Arabic and every Indic language into pieces.
_MARKS = (
    r"\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    r"\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed\u0711-\u07f3\u0816-\u082d\u0898-\u08e1\u08e3-\u0963\u0981-\u09e3"
    r"\u0a01-\u0a75\u0a81-\u0ae3\u0afa-\u0b63\u0b82-\u0bd7\u0c00-\u0c63\u0c81-\u0c83\u0cbc-\u0d4d\u0d57-\u0d63"
    r"\u0d81-\u0df3\u0e31-\u0e3a\u0e47-\u0e4e\u0eb1-\u0ecd\u0f18\u0f19\u0f35\u0f37\u0f39\u0f3e-\u0f84\u0f86-\u0fbc"
    r"\u102b-\u103e\u1056-\u109d\u135d-\u135f\u1712-\u1734\u1752-\u17d3\u17dd\u20d0-\u20f0\u302a-\u302f\u3099\u309a"
    r"\ufe00-\ufe0f\ufe20-\ufe2f"
)
# Scripts written without spaces: each character is a token, so that word bigrams are character bigrams there.
_IDEOGRAPHS = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_LETTER = rf"(?:[^\W{_IDEOGRAPHS}]|[{_MARKS}])"
_WORD = rf"{_LETTER}+(?:['’]{_LETTER}+)*"

PATTERNS = {
    "stance": rf"(?:[^\W\d_]\.){{2,}}|{_WORD}|\w|[^\w\s]",
    "words": rf"(?:[^\W\d_]\.){{2,}}|{_WORD}|\w",
    "sklearn": r"(?u)\b\w\w+\b",
}
"""Named token patterns: ``stance`` (the default), ``words`` (the same without punctuation marks), ``sklearn``."""

# What str.split takes for white space and Arrow's ASCII splitter does not: turned into plain spaces beforehand.
_ODD_SPACE = r"[\x1c-\x1f\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]"

_TYPOGRAPHY = str.maketrans(
    {
        "’": "'",
        "‘": "'",
        "ʼ": "'",
        "‛": "'",
        "“": '"',
        "”": '"',
        "„": '"',
        "‟": '"',
        "«": '"',
        "»": '"',
        "–": "-",
        "—": "-",
        "‑": "-",
        "…": "...",
    }
)


def fold(text: str, lowercase: bool = True, typography: bool = True) -> str:
    """Make spellings of the same word equal: lower case, straight quotes and plain hyphens.

    Pasted text has "won’t" where typed text has "won't"; to a model they should be one word.
    """
    if typography:
        text = text.translate(_TYPOGRAPHY)
    return text.lower() if lowercase else text


def pattern_of(tokens: str) -> re.Pattern[str]:
    """Compile a token pattern, given by its name or as a regular expression of Python's ``re``.

    Raises
    ------
    UsageError
        If it is not a regular expression, has groups that capture, or matches the empty text.
    """
    try:
        pattern = re.compile(PATTERNS.get(tokens, tokens))
    except re.error as problem:
        raise UsageError(
            f"the token pattern {tokens!r} ({problem})",
            expected=f"a regular expression or one of {', '.join(PATTERNS)}",
        ) from problem
    if pattern.groups:
        raise UsageError(f"the token pattern {tokens!r} has a capturing group", remedy="write (?:...) instead of (...)")
    if pattern.fullmatch(""):
        raise UsageError(f"the token pattern {tokens!r} matches the empty text", expected="a pattern for one token")
    return pattern


def texts_of(texts: pa.Array | pa.ChunkedArray | list[str]) -> pa.Array:
    """Bring texts into one Arrow string array; a missing text counts as empty.

    Raises
    ------
    DataError
        If a text is not Unicode (lone surrogates) or not text at all.
    """
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    if not isinstance(texts, pa.Array):
        try:
            texts = pa.array(texts, pa.string())
        except UnicodeEncodeError as problem:
            raise DataError(
                "a text with half a character (a lone surrogate)",
                expected="valid Unicode",
                remedy="repair the encoding of the source",
            ) from problem
        except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError) as problem:
            raise DataError(
                f"something among the texts that is no text ({problem})", expected="text in every row"
            ) from problem
    if texts.type != pa.string():
        texts = texts.cast(pa.string())
    return texts.fill_null("") if texts.null_count else texts


@dataclass(frozen=True)
class Words:
    """A batch of texts as words.

    ``codes`` (int32, one a word, in reading order) point into ``distinct`` (the batch's distinct words);
    ``offsets`` (int64, texts + 1) says which codes belong to which text.
    """

    codes: np.ndarray
    offsets: np.ndarray
    distinct: list[str]


def is_blank(texts: pa.Array) -> np.ndarray:
    """Tell which texts are missing or have nothing but white space: bool (n,)."""
    return np.asarray(pc.binary_length(pc.utf8_ltrim_whitespace(texts.fill_null(""))).to_numpy() == 0)


def split(texts: pa.Array) -> Words:
    """Split a string array at white space, as ``str.split`` would each text, without a loop over texts."""
    odd = pc.match_substring_regex(texts, _ODD_SPACE)
    if pc.any(odd).as_py():
        texts = pc.replace_substring_regex(texts, _ODD_SPACE, " ")
    words = pc.ascii_split_whitespace(texts)
    encoded = words.flatten().dictionary_encode()
    offsets = words.offsets.to_numpy().astype(np.int64)
    # Leading and trailing space leaves empty words behind: they have no terms, but would stand between two words.
    codes, distinct = encoded.indices.to_numpy(), encoded.dictionary.to_pylist()
    if "" in distinct:
        kept = codes != distinct.index("")
        offsets = np.concatenate([[0], np.cumsum(kept)])[offsets - offsets[0]]
        codes = codes[kept]
    else:
        offsets = offsets - offsets[0]
    return Words(codes, offsets, distinct)
