"""What holds for all actions that ship."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import flowlang.actions
from flowlang.actions import postgres_problem, shipped_actions
from flowlang.lang.diagnostics.catalog import all_slugs, entry
from flowlang.lang.diagnostics.catalog_action import ENTRIES
from flowlang.runtime.action import ActionRegistry, signature_text
from flowlang.runtime.executors.executor import HEARTBEAT_TIMEOUT, TIMEOUT
from flowlang.runtime.executors.processes import DIED

KIND = re.compile(r'(?:ActionError|Fault|ActionFailure|_failure|_fault)\(\s*"([a-z0-9-]+)"')
PACKAGE = Path(flowlang.actions.__file__).parent
RUNTIME = PACKAGE.parent / "runtime"
SOURCES = [
    *PACKAGE.glob("*.py"),
    *RUNTIME.glob("executors/*.py"),
    *(RUNTIME / f"{name}.py" for name in ("action", "action_context", "database", "file_access")),
]


def kinds() -> set[str]:
    """Those that are written where they are raised, and those of constants and tables."""
    written = {kind for source in SOURCES for kind in KIND.findall(source.read_text())}
    tables = {kind for table in (postgres_problem.KINDS, postgres_problem.STATES) for kind, _ in table.values()}
    return written | tables | {TIMEOUT, HEARTBEAT_TIMEOUT, DIED}


def test_names_are_unambiguous_and_documented() -> None:
    registry = ActionRegistry(shipped_actions())
    assert registry.members() == ["now", "random", "random_int", "uuid", "files", "tables", "sql"]
    for spec in registry:
        assert spec.doc.endswith((".", ")")), spec.name
        assert signature_text(spec).startswith(f"{spec.name}(")


def test_every_kind_of_failure_is_explained() -> None:
    found = kinds()
    assert {"timeout", "sql-error", "csv-cell", "path-outside-root", "unknown-action", "result-not-data"} <= found
    assert found <= set(all_slugs()), found - set(all_slugs())


def test_every_explanation_is_of_something_that_happens() -> None:
    text = "".join(source.read_text() for source in SOURCES)
    for known in ENTRIES:
        assert f'"{known.slug}"' in text
        assert entry(known.slug) is known


def test_asking_for_the_actions_does_not_load_drivers() -> None:
    code = "import sys; from flowlang.actions import shipped_actions; shipped_actions(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "flowlang.actions.sql" in loaded
    for name in ("sqlite3", "sqlalchemy", "asyncio", "flowlang.actions.sqlite"):
        assert name not in loaded


def test_every_wrapped_action_is_shipped_and_every_namespace_is_wrapped() -> None:
    library = PACKAGE.parent.parent / "stdlib"
    text = "".join(path.read_text() for path in library.glob("*.flow"))
    used = set(re.findall(r"current_flow\(\)\.actions\.([a-z_.]+)\(", text))
    assert used == {spec.name for spec in shipped_actions()}
