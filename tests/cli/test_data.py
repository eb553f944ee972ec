from __future__ import annotations

import json
from pathlib import Path

from communique import bundled
from communique.corpus.bundle import PARTS


def test_counts_are_those_of_the_files(run):
    result = run("data", "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    facts = json.loads(result.stdout)
    assert facts["path"] == str(bundled.DATA)
    assert Path(facts["datasheet"]).is_file()
    assert set(facts["parts"]) == set(PARTS)
    for name, part in facts["parts"].items():
        rows = [
            json.loads(line)
            for file in sorted((bundled.DATA / "statements").glob(f"{name}*.jsonl"))
            for line in file.read_text("utf-8").splitlines()
        ]
        assert part["rows"] == len(rows) == sum(part["labels"].values())
        assert part["scenarios"] == len({row["scenario"] for row in rows})
        assert all(n == sum(row["label"] == label for row in rows) for label, n in part["labels"].items())


def test_the_default_model_names_the_fingerprint_of_the_training_part(run):
    facts = json.loads(run("data", "--json").stdout)
    manifest = json.loads(run("models", "inspect", "stance", "--json").stdout)["manifest"]
    assert manifest["data"]["sha256"] == facts["parts"]["train"]["sha256"]
