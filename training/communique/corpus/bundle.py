"""The statements that come with the package."""

from __future__ import annotations

from communique import bundled

TRAIN = [str(bundled.DATA / "statements" / "train-*.jsonl")]
HOLDOUT = [str(bundled.DATA / "statements" / "holdout.jsonl")]
