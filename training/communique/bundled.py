"""Where the data and the models that come with the package lie.

In a checkout they are the top-level folders ``data/`` and ``models/``; in an installed wheel the same folders stand
inside the package, under ``_bundled/``.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_INSTALLED = _PACKAGE / "_bundled"
_ROOT = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parents[1]

DATA = _ROOT / "data"
MODELS = _ROOT / "models"
CODEBOOK = DATA / "codebook.toml"
PALETTE = _PACKAGE / "palette.css"  # the colours of labels, wherever they are drawn
