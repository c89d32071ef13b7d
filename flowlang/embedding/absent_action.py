"""The catalog of actions of a host that has none.

A script that is evaluated in memory may name the actions that come with flowlang, so that a mistyped name is told apart
from an action that there is, but not here. They are listed instead of looked up: the actions themselves live above this
package, and bring a database along.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from flowlang.lang.values.fault import Fault

NO_RUN_HINT: Final = "this script is evaluated inside of another program, which does not perform actions"
SHIPPED: Final = (
    "files.exists", "files.list", "files.read_text", "files.remove", "files.stat", "files.write_text", "now", "random",
    "random_int", "sql.execute", "sql.executemany", "sql.query", "sql.transaction", "tables.append_csv",
    "tables.read_csv", "tables.read_csv_page", "tables.write_csv", "uuid",
)  # fmt: skip
"""The names of all actions that come with flowlang; a test compares them."""


class AbsentActions:
    """Knows the names, and refuses every call with `no-run`."""

    def bind(self, name: str, positional: Sequence[Any], keywords: object) -> tuple[dict[str, Any], float | None]:
        """Refuses: nobody is there who would perform it. Raises Fault."""
        raise Fault("no-run", f"the action `{name}` is only possible in a run", hint=NO_RUN_HINT)

    def has(self, name: str) -> bool:
        """Whether an action of that name comes with flowlang."""
        return name in SHIPPED

    def names(self, prefix: str) -> Sequence[str]:
        """The names directly below a prefix."""
        below = (name.removeprefix(prefix) for name in SHIPPED if name.startswith(prefix))
        return sorted({name.partition(".")[0] for name in below})
