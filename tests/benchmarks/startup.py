"""How long a short command takes, as a ratio to the imports it cannot do without.

    python tests/benchmarks/startup.py [--runs 7]

Whole processes, in turn, the least of several runs each.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time

COMMUNIQUE = [sys.executable, "-m", "communique"]
PAIRS = {
    "classify one statement": (
        [*COMMUNIQUE, "classify", "We are ready for talks without preconditions."],
        [sys.executable, "-c", "import numpy, pyarrow.compute, typer"],
    ),
    "help": ([*COMMUNIQUE, "--help"], [sys.executable, "-c", "import typer"]),
}


def seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    for name, (ours, peer) in PAIRS.items():
        pairs = [(seconds(ours), seconds(peer)) for _ in range(runs)]
        mine, theirs = (min(times) for times in zip(*pairs, strict=True))
        print(
            json.dumps(
                {"what": name, "seconds": round(mine, 3), "peer": round(theirs, 3), "ratio": round(mine / theirs, 2)}
            )
        )


if __name__ == "__main__":
    main()
