"""Bulk classification as a whole process, beside a scikit-learn script with the very same features.

    python tests/benchmarks/bulk.py [--rows 200000]

Both read a JSONL file and write one with labels and scores. The peer is slow, so it gets fewer rows; its rows per
second are counted without its start-up, ours with it. The statements are new ones: halves of two statements of the data
put together, with a made-up word now and then. With --flat, the peak memory for the rows and for ten times as many is
printed too: it should be the same.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PEER = """
import json, sys, time
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.svm import LinearSVC
from sklearn.pipeline import make_pipeline, make_union
train, big, out = sys.argv[1:]
rows = [json.loads(line) for line in open(train, encoding="utf-8")]
features = make_union(
    TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2),
    TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, min_df=2),
)
model = make_pipeline(features, LinearSVC()).fit([r["text"] for r in rows], [r["label"] for r in rows])
began = time.perf_counter()
with open(big, encoding="utf-8") as source, open(out, "w", encoding="utf-8") as sink:
    batch = [json.loads(line) for line in source]
    for start in range(0, len(batch), 5000):
        part = batch[start : start + 5000]
        for row, p in zip(part, model.decision_function([r["text"] for r in part])):
            row["scores"] = dict(zip(model.classes_, map(float, p)))
            row["label"] = max(row["scores"], key=row["scores"].get)
            sink.write(json.dumps(row) + "\\n")
print(len(batch) / (time.perf_counter() - began))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--peer-rows", type=int, default=10_000)
    parser.add_argument("--data", type=Path, default=ROOT / "data" / "statements" / "train-01.jsonl")
    parser.add_argument("--flat", action="store_true", help="also classify ten times the rows")
    given = parser.parse_args()
    known = [json.loads(line) for line in given.data.open(encoding="utf-8")]
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        train, model, out = folder / "train.jsonl", folder / "model", folder / "out.jsonl"
        train.write_text("".join(json.dumps(row) + "\n" for row in known[:4000]), "utf-8")
        run(["train", str(train), "--output", str(model), "--preset", "fast"])
        files = {
            count: folder / f"{count}.jsonl" for count in {1, given.rows, given.peer_rows, 10 * given.rows * given.flat}
        }
        for count, path in files.items():
            write(path, count, known)
        classify = ["classify", "--model", str(model), "--format", "jsonl", "--output", str(out), "--force"]
        seconds = min(run([*classify, str(files[given.rows])])[0] for _ in range(2))
        script = [sys.executable, "-c", PEER, str(train), str(files[given.peer_rows]), str(out)]
        peer = float(subprocess.run(script, check=True, stdout=subprocess.PIPE).stdout)
        found = {
            "rows": given.rows,
            "rows_per_second": round(given.rows / seconds),
            "scikit_learn_rows_per_second": round(peer),
            "ratio": round(given.rows / seconds / peer, 1),
        }
        if given.flat:
            found["peak_mb"] = round(run([*classify, str(files[given.rows])])[1])
            found["peak_mb_of_ten_times_the_rows"] = round(run([*classify, str(files[10 * given.rows])])[1])
        print(json.dumps(found))


def write(path: Path, count: int, known: list[dict[str, str]]) -> None:
    chance = random.Random(5)  # noqa: S311 - new sentences, not secrets
    words = [row["text"].split() for row in known]
    with path.open("w", encoding="utf-8") as sink:
        for number in range(count):
            first, second = chance.choice(words), chance.choice(words)
            text = first[: chance.randint(4, max(5, len(first)))] + second[chance.randint(0, len(second) // 2) :]
            if chance.random() < 0.2:
                text.insert(chance.randrange(len(text)), f"{chance.choice(second)}{chance.randint(0, 9999)}")
            sink.write(json.dumps({"id": str(number), "text": " ".join(text[:60])}) + "\n")


def run(arguments: list[str]) -> tuple[float, float]:
    """Run communique: seconds, and peak memory in megabytes."""
    began = time.perf_counter()
    child = subprocess.Popen([sys.executable, "-m", "communique", *arguments], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"communique {arguments[0]} failed")
    return time.perf_counter() - began, usage.ru_maxrss / (1 if sys.platform == "darwin" else 1024) / (
        1024 if sys.platform == "darwin" else 1
    )


if __name__ == "__main__":
    main()
