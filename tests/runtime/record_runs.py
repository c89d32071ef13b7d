"""Records runs of today's form into `tests/runtime/recorded/`, which every later flowlang must be able to replay.

    PYTHONPATH=.:tests/runtime python tests/runtime/record_runs.py

Files that are there already are never written again: what they hold is what that version recorded.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from every_feature import SCRIPTS, recorded

from flowlang.runtime.archive import collect, write_archive
from flowlang.version import __version__

FOLDER = Path(__file__).parent / "recorded"


def main() -> None:
    """Writes a file for each script that has none of this version."""
    FOLDER.mkdir(exist_ok=True)
    for name in SCRIPTS:
        path = FOLDER / f"{__version__}-{name.replace(' ', '-')}.jsonl"
        if not path.exists():
            with TemporaryDirectory() as folder:
                run = recorded(Path(folder), name)
                write_archive(collect(run.journal, "run"), path, exported_at_ms=run.clock.now_ms())


if __name__ == "__main__":
    main()
