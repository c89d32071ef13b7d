"""What starting costs: medians of ten runs, taken in turn.

    python bench/startup.py

`--help` and `--version` are compared with an empty Python; a run of the smallest example, compiled before and with a
journal that exists, with importing SQLAlchemy.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 10
HELLO = Path(__file__).parent.parent / "examples" / "hello" / "hello.flow"
COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "flowlang --help": ["-m", "flowlang", "--help"],
    "flowlang --version": ["-m", "flowlang", "--version"],
    "python -c 'import sqlalchemy'": ["-c", "import sqlalchemy"],
    "flowlang run hello.flow": ["-m", "flowlang", "run", "hello.flow"],
}
COMPARED = (
    ("flowlang --help", "python -c pass", 0.2),
    ("flowlang --version", "python -c pass", 0.2),
    ("flowlang run hello.flow", "python -c 'import sqlalchemy'", 0.3),
)


def seconds(arguments: list[str], folder: str) -> float:
    """One run of Python, from start to end."""
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - started


def main() -> None:
    """Measures and prints the table."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "hello.flow").write_text(HELLO.read_text())
        for arguments in COMMANDS.values():
            seconds(arguments, folder)
        taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
        for _ in range(ROUNDS):
            for name, arguments in COMMANDS.items():
                taken[name].append(seconds(arguments, folder))
    medians = {name: statistics.median(values) for name, values in taken.items()}
    for name, value in medians.items():
        print(f"{name:32} {value:6.3f} s")
    for name, base, allowed in COMPARED:
        print(f"{name} takes {medians[name] - medians[base]:.3f} s more than {base} (at most {allowed})")


if __name__ == "__main__":
    main()
