"""What is known of a word is found again, whichever way the texts were split, and the memory stays bounded."""

from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from communique.text.memory import Memory
from communique.text.vocabulary import Sequences

TEXTS = st.lists(st.text(st.sampled_from("ab \t\n\u3000\xa0\x1cé軍"), max_size=12), max_size=12)


class Words:
    """Knows of each word the word."""

    def __init__(self) -> None:
        self._words: list[str] = []

    def append(self, words: list[str]) -> None:
        self._words += words

    def view(self) -> list[str]:
        return list(self._words)


def read(rows: Sequences, known: list[str]) -> list[list[str]]:
    return [
        [known[row] for row in rows.codes[begin:end]]
        for begin, end in zip(rows.offsets[:-1], rows.offsets[1:], strict=True)
    ]


@given(st.lists(TEXTS, max_size=4), st.sampled_from([0, 1 << 30]))
def test_the_words_of_each_text_are_those_of_str_split_whoever_splits_them(batches, few):
    memory = Memory(Words)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("communique.text.memory._FEW", few)
        for texts in batches:
            assert read(*memory.recall(pa.array(texts, pa.string()))) == [text.split() for text in texts]


def test_a_word_keeps_its_row():
    memory = Memory(Words)
    first, _ = memory.recall(pa.array(["stand by", "stand down"]))
    second, _ = memory.recall(pa.array(["down by stand"]))
    assert first.codes.tolist() == [0, 1, 0, 2]
    assert second.codes.tolist() == [2, 1, 0]


@pytest.mark.parametrize("few", [0, 1 << 30])
def test_a_full_memory_starts_afresh_and_holds_even_a_batch_that_alone_is_too_much(few, monkeypatch):
    monkeypatch.setattr("communique.text.memory._FEW", few)
    monkeypatch.setattr("communique.text.memory._REMEMBERED", 8)
    memory = Memory(Words)
    for texts in (["a b c", "d"], ["a e f g h i"], ["a" * 100, "b"], [" ".join(map(str, range(20)))], ["a b"]):
        rows, known = memory.recall(pa.array(texts))
        assert read(rows, known) == [text.split() for text in texts]
        assert len("".join(known)) <= max(8, len("".join(set(" ".join(texts).split()))))


def test_threads_that_share_a_memory_find_their_own_words(monkeypatch):
    monkeypatch.setattr("communique.text.memory._REMEMBERED", 256)
    memory = Memory(Words)

    def recall(number: int) -> bool:
        texts = [f"{number % 50} and {number % 7}", f"word{number}"]
        return read(*memory.recall(pa.array(texts))) == [text.split() for text in texts]

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(recall, range(2000)))


def test_a_store_that_fails_leaves_nothing_half_remembered():
    class Failing(Words):
        def append(self, words: list[str]) -> None:
            super().append(words)
            if "bang" in words:
                raise MemoryError

    memory = Memory(Failing)
    memory.recall(pa.array(["one two"]))
    with pytest.raises(MemoryError):
        memory.recall(pa.array(["three bang"]))
    for texts in (["two one three"], ["four one"]):
        assert read(*memory.recall(pa.array(texts))) == [text.split() for text in texts]
