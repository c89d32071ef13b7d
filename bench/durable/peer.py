"""The peers: DBOS and flowrun, each in its own Python, by the programs that were written to measure them.

The programs are not part of this repository: `--peers FOLDER` names where `dbos_bench.py` and `flowrun_bench.py` lie,
`--peer-python` and `--flowrun-python` the interpreters that have the peers installed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs

from durable.place import Place, in_process, options


@attrs.frozen
class Peers:
    """Where the peers' programs are and what runs them."""

    folder: Path
    python: str
    flowrun_python: str

    def dbos(self, place: Place, what: str, n: int) -> dict[str, Any]:
        """One measurement of DBOS in a fresh database; `seconds` for `n` of them."""
        return self._child(place.fresh_for_peer(), what, n)

    def dbos_recovery(self, place: Place, n: int) -> dict[str, Any]:
        """A process records `n` steps and dies; another one takes over."""
        url = place.fresh_for_peer()
        self._child(url, "die", n, expect=7)
        return self._child(url, "recovered", n)

    def flowrun(self, n: int) -> dict[str, Any]:
        """Chain and fan-out in memory, tasks per second."""
        import json
        import subprocess

        program = self.folder / "flowrun_bench.py"
        ended = subprocess.run(
            [self.flowrun_python, str(program), "--n", str(n), "--runs", "3"],
            capture_output=True, text=True, timeout=300, check=True,
        )  # fmt: skip
        results: dict[str, Any] = json.loads(ended.stdout)["results"]
        return results

    def _child(self, url: str, what: str, n: int, expect: int = 0) -> dict[str, Any]:
        program = self.folder / "dbos_bench.py"
        return in_process(program, "--child", *options(url=url, what=what, n=n), python=self.python, expect=expect)
