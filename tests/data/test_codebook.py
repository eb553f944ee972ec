"""What the bundled codebook promises."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from communique.bundled import CODEBOOK
from communique.codebook import bundled_codebook, codebook_of


def test_the_bundled_codebook_is_complete() -> None:
    codebook = bundled_codebook()
    assert codebook.name == "stance"
    assert codebook.names == ("escalatory", "conciliatory", "dismissive", "none")
    assert codebook.background == "none"
    assert len(codebook.rules) == 10
    assert codebook.question.startswith("Read on its own, what does this statement do to the dispute it speaks of?")
    for label in codebook.labels:
        assert label.definition
        assert len(label.acts) >= 4
        assert len(set(label.examples)) in (2, 3)


def test_its_labels_bring_the_codebook_along() -> None:
    assert codebook_of(["none", "dismissive", "conciliatory", "escalatory"]) == bundled_codebook()


def test_boundary_examples_are_statements_that_no_part_of_the_dataset_holds(
    parts: dict[str, list[dict[str, Any]]], near_duplicates: Callable[[list[str]], list[tuple[str, str]]]
) -> None:
    examples = [example for label in bundled_codebook().labels for example in label.examples]
    assert all(6 <= len(example.split()) <= 90 for example in examples)
    assert near_duplicates(examples + [row["text"] for rows in parts.values() for row in rows]) == []


def test_each_boundary_example_names_its_rule_in_a_comment() -> None:
    assert CODEBOOK.read_text("utf-8").count("    # rule ") == sum(
        len(label.examples) for label in bundled_codebook().labels
    )
