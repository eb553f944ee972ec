"""The unit of everything: one statement, as a row of an Arrow batch.

Rooms hand each other ``pyarrow.RecordBatch`` objects. A batch always has the two columns of ``STATEMENT``; a labelled
one those of ``LABELLED``; whatever else the user's file had comes along untouched, in its own order and types.
"""

from __future__ import annotations

import pyarrow as pa

ID, TEXT, LABEL, GROUP = "id", "text", "label", "group"

STATEMENT = pa.schema([(ID, pa.string()), (TEXT, pa.string())])
"""``id``: as the user gave it, else the running number of the row, from 1. ``text``: null if there is none."""

LABELLED = pa.schema([*STATEMENT, (LABEL, pa.string()), (GROUP, pa.string())])
"""``label``: a name of the codebook. ``group``: rows that a split must never part (one scenario, one speaker)."""
