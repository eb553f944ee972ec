from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import pytest

from communique.errors import ModelError, ModelMissingError, UsageError
from communique.extraction import clauses
from communique.extraction.attribution import Attribution
from communique.extraction.clauses import Parser, load_parser
from communique.extraction.extraction import extract
from communique.extraction.files import extract_files
from communique.extraction.lexicon import load_lexicon
from communique.extraction.reading import read_article

CASE = "The deputy made the case that the treaty still holds ."
CASE_TREE = "2det 3nsubj 0ROOT 5det 3dobj 10mark 8det 10nsubj 10advmod 5acl 3punct"


@dataclass(eq=False)
class Word:
    """What is asked of a word of spaCy's, so that these tests need none."""

    text: str
    i: int
    idx: int
    dep_: str
    head: Word = field(init=False)
    children: list[Word] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.text)

    @property
    def lower_(self) -> str:
        return self.text.lower()

    @property
    def left_edge(self) -> Word:
        return min((self, *(child.left_edge for child in self.children)), key=lambda word: word.i)

    @property
    def right_edge(self) -> Word:
        return max((self, *(child.right_edge for child in self.children)), key=lambda word: word.i)


class Pipeline:
    """Knows its sentences by heart: {sentence: tree}. A tree has for every word its head (from 1) and what it is."""

    pipe_names = ("parser",)

    def __init__(self, trees: dict[str, str], lang: str = "en") -> None:
        self.trees, self.lang, self.asked = trees, lang, []

    def pipe(
        self, pieces: Iterable[tuple[str, int]], as_tuples: bool, batch_size: int
    ) -> Iterator[tuple[list[Word], int]]:
        for text, context in pieces:
            self.asked.append((text, context))
            yield self.parse(text), context

    def parse(self, text: str) -> list[Word]:
        if text not in self.trees:
            return []
        words, place = [], 0
        tree = [
            (int(link.rstrip("abcdefghijklmnopqrstuvwxyzROT:")), link.lstrip("0123456789"))
            for link in self.trees[text].split()
        ]
        for number, (word, (_, name)) in enumerate(zip(text.split(" "), tree, strict=True)):
            words.append(Word(word, number, place, name))
            place += len(word) + 1
        for word, (head, _) in zip(words, tree, strict=True):
            word.head = words[int(head) - 1] if int(head) else word
            if word.head is not word:
                word.head.children.append(word)
        return words


def complete(text: str, tree: str, found: tuple[Attribution, ...] = (), **changed: str) -> list[tuple[str, ...]]:
    article = replace(read_article(text), **changed)
    added = Parser(Pipeline({text: tree})).complete(article, found, load_lexicon(article.language))
    return [
        (one.kind, text[slice(*one.source)], text[slice(*one.cue)], text[slice(*one.spans[0])])
        for one in added
        if one not in found
    ]


def test_a_clause_that_that_ties_to_a_noun_is_its_utterers():
    assert complete(CASE, CASE_TREE) == [("indirect", "The deputy", "case", "the treaty still holds")]
    owned = "The deputy regretted Orr 's acknowledgment that the treaty holds ."
    tree = "2det 3nsubj 0ROOT 6poss 4case 3dobj 10mark 9det 10nsubj 6acl 3punct"
    assert complete(owned, tree) == [("indirect", "Orr", "acknowledgment", "the treaty holds")]


def test_a_clause_far_from_its_verb_is_found():
    text = "Orr cautioned , as did the League , that no ship turns back ."
    tree = "2nsubj 0ROOT 2punct 5mark 2advcl 7det 5nsubj 2punct 12mark 11det 12nsubj 2ccomp 12advmod 2punct"
    assert complete(text, tree) == [("indirect", "Orr", "cautioned", "no ship turns back")]


def test_a_subject_is_shared_and_a_relative_pronoun_is_followed():
    shared = "Orr rose and said ships turn back ."
    tree = "2nsubj 0ROOT 2cc 2conj 6nsubj 4ccomp 6advmod 2punct"
    assert complete(shared, tree) == [("indirect", "Orr", "said", "ships turn back")]
    relative = "Envoys who said ships turn back left ."
    tree = "7nsubj 3nsubj 1relcl 5nsubj 3ccomp 5advmod 0ROOT 7punct"
    assert complete(relative, tree) == [("indirect", "Envoys", "said", "ships turn back")]


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("If Orr says ships left , we wait .", "3mark 3nsubj 8advcl 5nsubj 3ccomp 8punct 8nsubj 0ROOT 8punct"),
        ("I suspect ships left .", "2nsubj 0ROOT 4nsubj 2ccomp 2punct"),
        ("Orr did not say whether ships left .", "4nsubj 4aux 4neg 0ROOT 7mark 7nsubj 4ccomp 4punct"),
        ("Orr saw ships leave .", "2nsubj 0ROOT 4nsubj 2ccomp 2punct"),
        ("Nobody heard the claim that ships left .", "2nsubj 0ROOT 4det 2pobj 7mark 7nsubj 4acl 2punct"),
        ("Orr built the ships known today .", "2nsubj 0ROOT 4det 2dobj 4acl 5advmod 2punct"),
        ("Saying ships left helps .", "4csubj 3nsubj 1ccomp 0ROOT 4punct"),
    ],
)
def test_what_nobody_says_is_no_statement(text, tree):
    assert complete(text, tree) == []


def test_a_quotation_is_one_word_whatever_the_parser_makes_of_it():
    text = "Orr said ships are “unsafe and slow” ."
    tree = "2nsubj 0ROOT 4nsubj 2ccomp 4acomp 2cc 2conj 2punct"  # cuts the quotation in two
    assert complete(text, tree) == [("partial", "Orr", "said", "ships are “unsafe and slow”")]
    hearsay = "“Orr said ships left” , and he stayed ."
    tree = "2nsubj 0ROOT 4nsubj 2ccomp 2punct 2cc 8nsubj 2conj 2punct"
    assert complete(hearsay, tree) == []


def test_what_the_grammar_found_stays_and_is_not_found_again():
    start = CASE.index("the treaty")
    for span in ((0, 3), (start, start + 10)):
        found = (Attribution((span,), "indirect", None, None),)
        article = read_article(CASE)
        completed = Parser(Pipeline({CASE: CASE_TREE})).complete(article, found, load_lexicon("en"))
        assert found[0] in completed
        assert len(completed) == 1 + (span[0] == 0)
        assert list(completed) == sorted(completed, key=lambda one: one.spans[0])


def test_an_article_in_another_language_is_not_parsed():
    pipeline = Pipeline({CASE: CASE_TREE}, lang="fr")
    article = read_article(CASE)
    assert article.language == "en"
    assert Parser(pipeline).complete(article, (), load_lexicon("en")) == ()
    assert pipeline.asked == []


def test_a_language_without_lists_of_its_own_is_read():
    text = "Orr dijo que ships turn ."
    pipeline = Pipeline({text: "2nsubj 0ROOT 5mark 5nsubj 2ccomp 2punct"}, lang="es")
    article = replace(read_article(text), language="es")
    (one,) = Parser(pipeline).complete(article, (), load_lexicon("es"))
    assert text[slice(*one.spans[0])] == "ships turn"


def test_long_paragraphs_are_parsed_in_pieces_and_what_is_no_text_is_not(monkeypatch):
    monkeypatch.setattr(clauses, "_LONGEST", 1000)
    text = f"{'The ship left the port again. ' * 50}\n\n{'(' * 900}\n\n{CASE}"
    pipeline = Pipeline({CASE: CASE_TREE})
    article = read_article(text)
    (one,) = Parser(pipeline).complete(article, (), load_lexicon("en"))
    assert text[slice(*one.spans[0])] == "the treaty still holds"
    assert all(len(piece) <= 1000 and text.startswith(piece, start) for piece, start in pipeline.asked)
    assert not any("((((" in piece for piece, _ in pipeline.asked)


def test_statements_come_with_their_speakers():
    article = read_article(CASE, "sea.txt")
    assert extract(article) == ()
    (statement,) = extract(article, Parser(Pipeline({CASE: CASE_TREE})))
    assert (statement.id, statement.speaker, statement.kind, statement.cue) == ("sea-01", "deputy", "indirect", "case")
    assert 0 < statement.confidence < 0.7 + 1e-9


# -- pipelines


@pytest.fixture
def spacy(monkeypatch):
    """Put a stand-in for spaCy in its place, with one pipeline installed."""
    loaded: list[str] = []

    def load(name: str, exclude: Iterable[str]) -> Pipeline:
        assert "ner" in exclude
        assert "parser" not in exclude
        loaded.append(name)
        if "broken" in name:
            raise OSError("[E053] Could not read\nmeta.json")
        pipeline = Pipeline({CASE: CASE_TREE})
        if "blank" in name:
            pipeline.pipe_names = ()
        return pipeline

    util = SimpleNamespace(is_package=lambda name: name == "en_sea", get_installed_models=lambda: ["en_sea"])
    monkeypatch.setitem(sys.modules, "spacy", SimpleNamespace(load=load, util=util, loaded=loaded))
    load_parser.cache_clear()
    yield sys.modules["spacy"]
    load_parser.cache_clear()


def test_a_pipeline_is_loaded_once(spacy, tmp_path):
    (tmp_path / "a.txt").write_text(CASE)
    for _ in range(2):
        (found,) = extract_files([str(tmp_path)], spacy="en_sea")
        assert len(found.statements) == 1
    assert spacy.loaded == ["en_sea"]


def test_a_pipeline_that_is_missing_is_told_with_those_that_are_there(spacy):
    with pytest.raises(
        ModelMissingError,
        match=r"no spaCy pipeline 'en_sky'; expected en_sea or the folder of one; run: python -m spacy download en_sky",
    ):
        load_parser("en_sky")


@pytest.mark.parametrize(("folder", "told"), [("broken", r"loaded .*Could not read meta.json"), ("blank", "no parser")])
def test_a_folder_that_is_no_pipeline_or_has_no_parser_is_told(spacy, tmp_path, folder, told):
    (tmp_path / folder).mkdir()
    with pytest.raises(ModelError, match=told):
        load_parser(str(tmp_path / folder))


def test_without_spacy_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "spacy", None)
    load_parser.cache_clear()
    with pytest.raises(UsageError, match=r"pip install 'communique\[spacy\]'"):
        extract_files(["nowhere"], spacy="en_sea")


# -- spaCy itself, where it is installed


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder of a parser that was taught one sentence."""
    spacy = pytest.importorskip("spacy")
    from spacy.training import Example

    tree = Pipeline({CASE: CASE_TREE}).parse(CASE)
    pipeline = spacy.blank("en")
    pipeline.add_pipe("parser", config={"min_action_freq": 1})
    taught = {"heads": [word.head.i for word in tree], "deps": [word.dep_ for word in tree]}
    examples = [Example.from_dict(pipeline.make_doc(CASE), taught)]
    optimizer = pipeline.initialize(lambda: examples)
    for _ in range(40):
        pipeline.update(examples, sgd=optimizer)
    folder = tmp_path_factory.mktemp("pipelines") / "taught"
    pipeline.to_disk(folder)
    return folder


def test_a_trained_pipeline_finds_what_the_grammar_missed(trained, tmp_path, monkeypatch):
    for number in range(6):
        (tmp_path / f"{number}.txt").write_text(CASE)
    load_parser.cache_clear()
    alone = list(extract_files([str(tmp_path)], jobs=1, spacy=str(trained)))
    assert [[one.text for one in each.statements] for each in alone] == [["the treaty still holds"]] * 6
    monkeypatch.setattr("communique.extraction.files._FEW", 1)
    monkeypatch.setattr("communique.extraction.files._CHUNK", 2)
    assert list(extract_files([str(tmp_path)], jobs=2, spacy=str(trained))) == alone


def test_a_blank_pipeline_and_an_empty_folder_are_refused(tmp_path):
    spacy = pytest.importorskip("spacy")
    load_parser.cache_clear()
    spacy.blank("en").to_disk(tmp_path / "blank")
    (tmp_path / "empty").mkdir()
    for name, told in [("blank", "no parser"), ("empty", "cannot be loaded")]:
        with pytest.raises(ModelError, match=told):
            load_parser(str(tmp_path / name))
    with pytest.raises(ModelMissingError, match="no spaCy pipeline"):
        load_parser("en_no_such_sea")
