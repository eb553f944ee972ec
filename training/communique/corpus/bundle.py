"""The statements that come with the package."""

from __future__ import annotations

from communique import bundled

TRAIN = [str(bundled.DATA / "statements" / "train-*.jsonl")]
HOLDOUT = [str(bundled.DATA / "statements" / "holdout.jsonl")]
CONTRAST = [str(bundled.DATA / "statements" / "contrast.jsonl")]
"""Freer statements of an older kind, kept apart: no part of the default training."""

PARTS = {"train": TRAIN, "holdout": HOLDOUT, "contrast": CONTRAST}
