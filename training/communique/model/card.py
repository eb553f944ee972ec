"""The model card: what a reader should know before using a model (after Mitchell et al. 2019)."""

from __future__ import annotations

from typing import Any

from communique.codebook import Codebook


def card(manifest: dict[str, Any], codebook: Codebook) -> str:
    """Write the card of a model in Markdown, from its manifest and codebook."""
    data = manifest.get("data", {})
    lines = [
        f"# {manifest['name']} {manifest['version']}",
        "",
        codebook.question or f"Tells statements of the labels {', '.join(codebook.names)} apart.",
        "",
        "| label | meaning | training rows |",
        "| --- | --- | --- |",
    ]
    counts = data.get("labels", {})
    for label in codebook.labels:
        background = " (background)" if label.name == codebook.background else ""
        meaning = (label.definition or "as in the training data").replace("|", r"\|")
        lines.append(
            f"| `{label.name.replace('|', chr(92) + '|')}`{background} | {meaning} | {counts.get(label.name, '')} |"
        )
    lines += ["", "## How it was made", ""]
    if data:
        lines.append(
            f"- Trained on {data.get('rows', 0):,} statements in {data.get('groups', 0):,} groups "
            f"(fingerprint `{str(data.get('sha256', ''))[:12]}`)."
        )
    lines += [
        f"- {manifest['terms']:,} terms, recipe `{manifest['recipe'].get('name')}`, seed {manifest.get('seed', 0)}.",
        "- A linear model over TF-IDF: each score is the sum of the words' contributions.",
        f"- Temperature {manifest['temperature']:.3f}, found on held-out scores, makes the scores probabilities.",
    ]
    for title, scores in (
        ("On the holdout", manifest.get("holdout")),
        ("Cross-validated on its own training rows", manifest.get("cross_validated")),
    ):
        if scores:
            lines += ["", f"## {title}", "", *_scores(scores)]
    lines += [
        "",
        "## Limits and misuse",
        "",
        "- It reads words, not the world: it does not know whether a statement is true or sincere, and misses irony.",
        "- It judges one statement at a time, without what was said before.",
        "- Texts unlike its training data get worse answers than the scores above say.",
        "- Do not use it to decide about a person, nor to act on a single statement without reading it.",
    ]
    return "\n".join(lines) + "\n"


def _scores(scores: dict[str, Any]) -> list[str]:
    intervals = scores.get("intervals", {})
    lines = []
    if note := scores.get("note"):
        lines += [str(note), ""]
    lines += ["| score | value | 95 % interval |", "| --- | --- | --- |"]
    for name in ("macro_f1", "macro_f1_stances", "accuracy", "log_loss", "brier", "ece"):
        if scores.get(name) is not None:
            low_high = intervals.get(name)
            interval = f"{low_high[0]:.3f} to {low_high[1]:.3f}" if low_high else ""
            lines.append(f"| {name.replace('_', ' ')} | {scores[name]:.3f} | {interval} |")
    return lines
