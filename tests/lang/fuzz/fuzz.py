"""Fuzzing with coverage feedback.

    pip install -e '.[fuzz]'
    python tests/lang/fuzz/fuzz.py parser|compiler|conversion [options of libFuzzer]

For instance `-max_total_time=600`. What is found is written to a file `crash-...`; put it into `corpus/` as
`parser-NAME`, `compiler-NAME` or `conversion-NAME`, and `test_fuzz.py` keeps it from coming back.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent / "hostile")]

with atheris.instrument_imports(include=["flowlang"]):
    import fuzz_target


def main(arguments: list[str]) -> None:
    """Runs one target until it fails or its time is over."""
    if len(arguments) < 2 or arguments[1] not in fuzz_target.TARGETS:
        raise SystemExit(f"usage: fuzz.py {'|'.join(fuzz_target.TARGETS)} [options of libFuzzer]")
    atheris.Setup([arguments[0], *arguments[2:]], fuzz_target.TARGETS[arguments[1]])
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv)
