"""Macro-F1 on labelled sets that other people made, beside a strong scikit-learn recipe.

    python tests/benchmarks/tasks.py DIR [--preset balanced]

DIR holds a folder for each set, with train.jsonl and test.jsonl (rows with text and label). communique is used as a
user would use it, through its command line. The peer: words 1-2 with punctuation and char_wb 2-5, linear SVM, C = 0.3.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import f1_score
from sklearn.pipeline import make_pipeline, make_union
from sklearn.svm import LinearSVC

_TOKENS = r"\w+|[^\w\s]"
COMMUNIQUE = [sys.executable, "-m", "communique"]


def ours(folder: Path, preset: str) -> float:
    with tempfile.TemporaryDirectory() as work:
        model = str(Path(work) / "model")
        train = ["train", str(folder / "train.jsonl"), "--output", model, "--preset", preset]
        subprocess.run([*COMMUNIQUE, *train], check=True, capture_output=True)
        evaluate = ["evaluate", model, str(folder / "test.jsonl"), "--json"]
        found = subprocess.run([*COMMUNIQUE, *evaluate], check=True, capture_output=True)
    return float(json.loads(found.stdout)["macro_f1"])


def peers(folder: Path) -> float:
    train, test = (
        [json.loads(line) for line in (folder / name).open(encoding="utf-8")] for name in ("train.jsonl", "test.jsonl")
    )
    features = make_union(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=_TOKENS),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True),
    )
    model = make_pipeline(features, LinearSVC(C=0.3, class_weight="balanced"))
    model.fit([row["text"] for row in train], [row["label"] for row in train])
    given = model.predict([row["text"] for row in test])
    return float(f1_score([row["label"] for row in test], given, average="macro"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--preset", default="balanced")
    given = parser.parse_args()
    scores = []
    for folder in sorted(path for path in given.folder.iterdir() if (path / "train.jsonl").is_file()):
        scores.append((ours(folder, given.preset), peers(folder)))
        print(
            json.dumps(
                {"set": folder.name, "communique": round(scores[-1][0], 4), "scikit_learn": round(scores[-1][1], 4)}
            )
        )
    mine, theirs = (sum(column) / len(scores) for column in zip(*scores, strict=True))
    print(json.dumps({"set": "mean", "communique": round(mine, 4), "scikit_learn": round(theirs, 4)}))


if __name__ == "__main__":
    main()
