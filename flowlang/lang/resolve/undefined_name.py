"""What is said of a name that nothing binds.

The hint comes from the first of these that has something to say: a name known from another language, a name in reach
that is nearly the same (the nearest scope first), a scope elsewhere in the module that binds this very name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain, islice
from typing import Final

import attrs

from flowlang.lang.diagnostics.diagnostic import Fix, replacement
from flowlang.lang.diagnostics.suggest import nearest
from flowlang.lang.resolve.findings import Findings
from flowlang.lang.resolve.foreign_name import FOREIGN_NAMES, OWN_NAMES
from flowlang.lang.resolve.main_guard import NAME
from flowlang.lang.resolve.scope import Scope
from flowlang.lang.syntax.nodes import Name

UNBOUND_HINT: Final = "assign it before, take it as a parameter, or `load` it from another module"
SUGGESTIONS_MAX: Final = 50
"""Looking for a near name costs time in proportion to the names there are; later errors go without."""

CANDIDATES_MAX: Final = 2000
"""Names compared for one suggestion, the nearest scope first."""


@attrs.define
class UndefinedNames:
    """Collects the undefined names of a module and reports them once all its scopes are known."""

    candidates: Callable[[], Iterable[str]]
    uses: list[tuple[Name, Scope]] = attrs.field(factory=list)
    inner_scopes: list[tuple[Scope, str]] = attrs.field(factory=list)
    """Scopes of functions and comprehensions, with words for the place."""
    _outside: list[str] | None = None

    def report(self, findings: Findings) -> None:
        """Add one finding for each undefined use."""
        for number, (name, scope) in enumerate(self.uses):
            label, hint, fix = "neither bound here nor part of the language", None, None
            if number < SUGGESTIONS_MAX:
                label, hint, fix = self._explain(name, scope, label)
            findings.add("undefined-name", f"name `{name.name}` is not defined", name.span, label, hint=hint, fix=fix)

    def _explain(self, use: Name, scope: Scope, label: str) -> tuple[str, str | None, Fix | None]:
        name = use.name
        near = self._nearest(name, scope)
        guess = None if near is None else replacement(use.span, near, is_safe=False)
        foreign = FOREIGN_NAMES.get(name)
        if foreign is not None:
            # A slip in writing one's own name is as likely as a habit when the two differ by a letter.
            if near is not None and _reachable(near, scope):
                return label, f"{foreign}; or did you mean `{near}`?", guess
            own = OWN_NAMES.get(name)
            return label, foreign, None if own is None else replacement(use.span, own)
        for inner, place in self.inner_scopes:
            if name in inner.names and inner is not scope:
                return f"exists only inside {place}", "return the value from there, or bind the name here", None
        return label, UNBOUND_HINT if near is None else f"did you mean `{near}`?", guess

    def _nearest(self, name: str, scope: Scope) -> str | None:
        inner: Scope | None = scope
        names: list[str] = []
        while inner is not None:
            names.extend(text for text in inner.names if text != name)
            inner = inner.parent
        if self._outside is None:
            self._outside = [*self.candidates(), NAME]
        candidates: Iterable[str] = islice(chain(names, self._outside), CANDIDATES_MAX)
        if len(name) == 1:
            # Any two letters differ by one; only a slip of the shift key is worth a word.
            candidates = (text for text in candidates if len(text) > 1 or text.lower() == name.lower())
        return nearest(name, candidates)


def _reachable(name: str, scope: Scope) -> bool:
    inner: Scope | None = scope
    while inner is not None:
        if name in inner.names:
            return True
        inner = inner.parent
    return False
