from __future__ import annotations

from communique.model.card import card
from communique.model.registry import save


def test_the_card_says_what_the_model_is_how_it_was_made_and_what_it_is_not_for(trained, tmp_path):
    scores = {
        "macro_f1": 0.8125,
        "accuracy": 0.75,
        "brier": None,
        "intervals": {"macro_f1": [0.71, 0.9]},
        "note": "Composed.",
    }
    saved = save(trained.model, trained.facts | {"holdout": scores}, folder=tmp_path / "m")
    text = (tmp_path / "m" / "card.md").read_text("utf-8")
    assert text == card(saved.manifest, trained.model.codebook)
    assert text.startswith(f"# stance {saved.version}\n")
    for label in trained.model.codebook.labels:
        assert f"| `{label.name}`{' (background)' if label.name == 'none' else ''} | {label.definition} | 50 |" in text
    assert "- Trained on 200 statements in " in text
    for fact in (f"{saved.manifest['terms']:,} terms", "recipe `small`", "seed 3", f"{trained.model.temperature:.3f}"):
        assert fact in text
    assert "## On the holdout\n\nComposed.\n\n| score |" in text
    assert "| macro f1 | 0.812 | 0.710 to 0.900 |" in text
    assert "| accuracy | 0.750 |  |" in text
    assert "brier" not in text
    assert "## Limits and misuse" in text
    assert "Cross-validated" not in text


def test_a_card_needs_no_facts(trained, tmp_path):
    saved = save(trained.model, {}, folder=tmp_path / "m")
    text = card(saved.manifest, trained.model.codebook)
    assert "Trained on" not in text
    assert "## On the holdout" not in text
    assert "seed 3" not in text
