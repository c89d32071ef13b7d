"""flowlang: a sandboxed workflow language and its durable runtime.

The names below are the public surface. They are imported when first used: `import flowlang` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flowlang.runtime.action import action
    from flowlang.runtime.action_context import ActionContext
    from flowlang.runtime.engine import Engine
    from flowlang.runtime.hooks import Hooks
    from flowlang.runtime.journal.locate import open_journal
    from flowlang.runtime.outcome import RunOutcome
    from flowlang.version import __version__

_HOMES = {
    "ActionContext": "flowlang.runtime.action_context",
    "Engine": "flowlang.runtime.engine",
    "Hooks": "flowlang.runtime.hooks",
    "RunOutcome": "flowlang.runtime.outcome",
    "__version__": "flowlang.version",
    "action": "flowlang.runtime.action",
    "open_journal": "flowlang.runtime.journal.locate",
}

__all__ = ["ActionContext", "Engine", "Hooks", "RunOutcome", "__version__", "action", "open_journal"]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'flowlang' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(home), name)
