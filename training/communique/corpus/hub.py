"""Hugging Face `datasets`: the one file that it enters, and only when one is asked for.

It is asked for as little as possible. A folder of data files is only *listed* with its help (it knows which file
belongs to which split); the files are read by our own readers, as its CSV reader makes nothing of ``NA``, its JSON
reader rewrites dates, and its cache may serve old rows. A dataset of the Hub comes as `datasets` prepares it, and
nothing goes to the network unless the user says so with ``HF_HUB_OFFLINE=0``.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from communique.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

SCHEME = "hf://"


def is_saved(folder: Path) -> bool:
    """Tell whether a folder was written by ``save_to_disk``."""
    return any((folder / name).is_file() for name in ("state.json", "dataset_dict.json"))


def read_dataset(name: str, split: str, batch_rows: int) -> Iterator[pa.RecordBatch]:
    """Read a dataset that was saved by ``save_to_disk``, or one of the Hub.

    Parameters
    ----------
    name
        A folder for which `is_saved` holds, else a name on the Hub.
    split
        The split; may be empty if there is only one.
    batch_rows
        The most rows in a batch.

    Raises
    ------
    DataError
        If it is not there, or has several splits of which none was named.
    """
    with _refusing(name):
        datasets = _import()
        if is_saved(Path(name)):
            found = datasets.load_from_disk(name)
        else:
            found = datasets.load_dataset(name, split=split or None)
    if isinstance(found, Mapping):
        found = found[_choose(found, split, name)]
    with _refusing(name):
        for table in found.with_format("arrow").iter(batch_size=batch_rows):
            yield from table.to_batches()


def list_files(folder: Path, split: str) -> list[str]:
    """List the data files in a folder that belong to a split; `split` may be empty if there is only one.

    Raises
    ------
    DataError
        If there is no data file, or there are several splits of which none was named.
    """
    with _refusing(str(folder)), tempfile.TemporaryDirectory() as cache:
        found = _import().load_dataset_builder(str(folder), cache_dir=cache).config.data_files or {}
    return sorted(found[_choose(found, split, str(folder))])


def _import() -> Any:
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("HF_UPDATE_DOWNLOAD_COUNTS", "0")
    os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
    import datasets

    return datasets


def _choose(splits: Mapping[Any, Any], split: str, name: str) -> Any:
    """Find the split that was named, or the only one."""
    names = {str(each): each for each in splits}
    if split in names:
        return names[split]
    if not split and len(names) == 1:
        return next(iter(names.values()))
    raise DataError(
        f"{name} has the splits {', '.join(names) or '(none)'}" + (f", not {split}" if split else ""),
        expected="one of them to be named",
        remedy=f"write {SCHEME}{name}:{next(iter(names), 'train')}",
    )


@contextmanager
def _refusing(name: str) -> Iterator[None]:
    try:
        yield
    except ConnectionError as problem:
        raise DataError(
            f"the dataset {name} is neither a folder nor in the cache of Hugging Face datasets",
            remedy="set HF_HUB_OFFLINE=0 to let it be downloaded"
            if os.environ.get("HF_HUB_OFFLINE") == "1"
            else "check the network",
        ) from problem
    except (OSError, ValueError, RuntimeError, LookupError, ImportError) as problem:
        reason = (str(problem) or type(problem).__name__).splitlines()[0]
        raise DataError(f"the dataset {name} cannot be read ({reason})") from problem
