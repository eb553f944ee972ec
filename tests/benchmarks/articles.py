"""Who said what, on articles whose attributions people have marked.

    python tests/benchmarks/articles.py FILE.jsonl [--spacy PIPELINE]

A row: {"id", "text", "attributions": [{"content": [[start, end], ...], "source": ..., "cue": ...}]}, the spans being
characters; the PolNeAR corpus (Newell et al. 2018) can be laid out so. A *quotation* is an attribution with a source
whose content holds a quotation mark. It is found when a statement, or all statements that lie in it, overlap its
content with a token F1 of at least 0.5; the speaker is right when the two names share a word, or, for a pronoun, when
the name stands in the article before it. Over all attributions: token precision, recall and F1 of what is attributed to
anybody, and which share is lost of quoted content, of other content with a source, and of the rest. Beside it the
regular expression that people write. With --spacy, an installed English pipeline: also our own with its parser, and
textacy's direct quotations, which needs textacy.

The rate is in seconds of processor time: that of one core, reading included, start-up not.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from communique.extraction.clauses import load_parser
from communique.extraction.extraction import extract
from communique.extraction.reading import read_article

PRONOUNS = {"he", "she", "they", "it", "we", "i", "who", "him", "her", "them"}
NO_NAME = {"the", "a", "an", "mr", "mrs", "ms", "dr", "s", "’s", "'s"}
SAYING = r"(?:said|says|told|added|tweeted|wrote|asked|warned|argued|insisted|noted|explained|continued|declared)"
KINDS = ("quoted", "sourced", "unsourced")
Row = dict[str, Any]
Tokens = set[int]


def regular_expression(text: str) -> Iterator[Row]:
    """Text between quotation marks; the capitalised run beside a verb of saying."""
    for match in re.finditer(r"[“\"]([^”\"]{8,}?)[”\"]", text):
        around = text[max(0, match.start() - 120) : match.end() + 120]
        who = re.search(rf"([A-Z]\w+(?: [A-Z]\w+)*)[, ]+{SAYING}|{SAYING} ([A-Z]\w+(?: [A-Z]\w+)*)", around)
        speaker = (who.group(1) or who.group(2)) if who else ""
        yield {"start": match.start(1), "end": match.end(1), "speaker": speaker}


def communique(text: str, pipeline: str | None = None) -> Iterator[Row]:
    parser = load_parser(pipeline) if pipeline else None
    yield from (statement.to_dict() for statement in extract(read_article(text), parser))


def textacy(model: str) -> Any:
    import spacy
    from textacy.extract import direct_quotations

    pipeline = spacy.load(model, exclude=["ner"])

    def find(text: str) -> Iterator[Row]:
        # By paragraph: it refuses a text with an odd number of marks, as any is where a quotation runs over paragraphs.
        paragraphs = [(match[0], match.start()) for match in re.finditer(r"[^\n]+", text)]
        for doc, start in pipeline.pipe(paragraphs, as_tuples=True):
            if sum(token.is_quote for token in doc) % 2:
                continue
            for quote in direct_quotations(doc):
                content = quote.content
                speaker = " ".join(token.text for token in quote.speaker)
                yield {"start": start + content.start_char, "end": start + content.end_char, "speaker": speaker}

    return find


def tokens(text: str, spans: Iterable[Iterable[int]]) -> Tokens:
    return {start + match.start() for start, end in spans for match in re.finditer(r"\w+", text[start:end])}


def overlap(a: Tokens, b: Tokens) -> float:
    return 2 * len(a & b) / (len(a) + len(b)) if a and b else 0.0


def words(name: str | None) -> list[str]:
    return [word.lower() for word in re.findall(r"[^\W\d_][\w’'-]*", name or "")]


def bare(names: list[str]) -> set[str]:
    return {name.removesuffix("’s").removesuffix("'s") for name in names if name not in NO_NAME}


def same(found: str | None, source: str, before: str) -> bool:
    if not words(found):
        return False
    if set(words(source)) <= PRONOUNS:
        return words(found)[-1] in {*words(before), *words(source)}
    return bool(bare(words(source)) & bare(words(found)))


def score(articles: list[Row], find: Any) -> Row:
    counts: Counter[str] = Counter()
    seconds = 0.0
    for article in articles:
        text = article["text"]
        began = time.process_time()
        statements = list(find(text))
        seconds += time.process_time() - began
        spans = [(tokens(text, [(row["start"], row["end"])]), row) for row in statements]
        covered = set().union(*(each for each, _ in spans))
        attributed: Tokens = set()
        for gold in article["attributions"]:
            if "content" not in gold:
                continue
            content = tokens(text, gold["content"])
            attributed |= content
            whole = text[gold["content"][0][0] : gold["content"][-1][1]]
            quoted = any(mark in whole for mark in '“”"')
            kind = "quoted" if quoted else "sourced" if "source" in gold else "unsourced"
            counts[f"tokens {kind}"] += len(content)
            counts[f"lost {kind}"] += len(content - covered)
            if not quoted or "source" not in gold:
                continue
            counts["quotations"] += 1
            inside = [(each, row) for each, row in spans if each and len(each & content) / len(each) >= 0.6]
            best = max(spans, key=lambda pair: overlap(pair[0], content), default=(set(), {}))
            if max(overlap(best[0], content), overlap(set().union(*(each for each, _ in inside)), content)) >= 0.5:
                counts["found"] += 1
                source = " ".join(text[start:end] for start, end in gold["source"])
                before = text[: gold["content"][0][0]]
                counts["right"] += any(same(row.get("speaker"), source, before) for _, row in inside or [best])
        counts["both"] += len(covered & attributed)
        counts["gold"] += len(attributed)
        counts["ours"] += len(covered)
    precision, recall = counts["both"] / max(1, counts["ours"]), counts["both"] / max(1, counts["gold"])
    return {
        "quotations": counts["quotations"],
        "found": round(counts["found"] / counts["quotations"], 3),
        "speaker_right_of_found": round(counts["right"] / max(1, counts["found"]), 3),
        "token_f1": round(2 * precision * recall / max(1e-9, precision + recall), 3),
        "token_precision": round(precision, 3),
        "token_recall": round(recall, 3),
        "lost": {kind: round(counts[f"lost {kind}"] / max(1, counts[f"tokens {kind}"]), 3) for kind in KINDS},
        "articles_per_s": round(len(articles) / seconds, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--spacy", metavar="PIPELINE", help="name or folder of an installed English spaCy pipeline")
    given = parser.parse_args()
    articles = [json.loads(line) for line in given.file.open(encoding="utf-8")]
    finders = {"regular expression": regular_expression, "communique": communique}
    if given.spacy:
        finders["communique --spacy"] = partial(communique, pipeline=given.spacy)
        if find_spec("textacy"):
            finders["textacy"] = textacy(given.spacy)
    for name, find in finders.items():
        score(articles[:3], find)  # patterns are compiled once
        print(name, json.dumps(score(articles, find)), flush=True)


if __name__ == "__main__":
    main()
