"""The benchmarks of the durable runtime, ours and the peers' in pairs, in one table.

    python bench/durable.py [--only steps,gather] [--stores sqlite,postgres] [--pairs 3] [--json FILE]
                            [--peers FOLDER --peer-python PYTHON --flowrun-python PYTHON] [DIRECTORY]

Everything is measured in processes of its own, ours and the peer's alternating, because the rate of commits varies
from minute to minute; believe the ratios. See README.md.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs

sys.path.insert(0, str(Path(__file__).parent))

from durable.comparison import COMPARISONS, Context
from durable.peer import Peers
from durable.place import open_place
from durable.scale import SCALES
from durable.table import HEAD, Figure

Subject = Callable[[Context], list[Figure]]
SUBJECTS: dict[str, Subject] = {**COMPARISONS, **SCALES}


def main() -> None:
    """Measures what was asked for and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", nargs="?", default=None)
    parser.add_argument("--only", default="", help=", ".join(SUBJECTS))
    parser.add_argument("--stores", default="sqlite,postgres")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="part of the full size, for a quick look")
    parser.add_argument("--peers", default=None, help="folder of the peers' programs")
    parser.add_argument("--peer-python", default=sys.executable)
    parser.add_argument("--flowrun-python", default=sys.executable)
    parser.add_argument("--json", default=None)
    given = parser.parse_args()
    peers = Peers(Path(given.peers), given.peer_python, given.flowrun_python) if given.peers else None
    wanted = given.only.split(",") if given.only else list(SUBJECTS)
    figures: list[Figure] = []
    print(HEAD, flush=True)
    for kind in given.stores.split(","):
        with open_place(kind, given.directory) as place:
            context = Context(place, peers, given.pairs, given.scale)
            for name in wanted:
                for figure in _measured(name, context):
                    figures.append(figure)
                    print(figure.line(), flush=True)
    if given.json:
        Path(given.json).write_text(json.dumps([_document(figure) for figure in figures], indent=1))


def _measured(name: str, context: Context) -> list[Figure]:
    """A subject that cannot be measured is a line that says why: the others go on."""
    try:
        return SUBJECTS[name](context)
    except Exception as problem:
        lines = str(problem).strip().splitlines() or [type(problem).__name__]
        print(f"{name} on {context.place.kind}: {problem}", file=sys.stderr)
        return [Figure(name, context.place.kind, [float("nan")], note=f"not measured: {lines[-1][:120]}")]


def _document(figure: Figure) -> dict[str, Any]:
    return {**attrs.asdict(figure), "ratio": figure.ratio, "median": statistics.median(figure.ours)}


if __name__ == "__main__":
    main()
