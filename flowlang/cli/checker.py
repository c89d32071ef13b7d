"""Checking scripts, and fixing them: what `flowlang check` does, apart from how it is shown.

A script is checked with all that it loads; a module that several scripts load is reported once. Fixes are made in
memory first. What a fixed text means is known only when it has been checked again, so that is done until nothing is
left to fix: one round mends the syntax, the next the names that were hidden by it. A text that was there before ends
the rounds of its script, so two fixes cannot undo each other for ever. Files are written once, at the end.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import attrs

from flowlang.cli.problem import problem_of
from flowlang.errors import FlowlangError, UsageError
from flowlang.lang.diagnostics.diagnostic import Diagnostic, Fix, Label
from flowlang.lang.diagnostics.fix import apply
from flowlang.lang.interpreter import build
from flowlang.lang.resolve.dialect import Dialect
from flowlang.lang.source import SourceFile
from flowlang.library import prelude_modules
from flowlang.loaders import BundledLoader, ChainLoader, FileLoader
from flowlang.runtime.program_cache import open_cache

ROUNDS_MAX: Final = 20
STDIN: Final = "<stdin>"


@attrs.frozen
class Script:
    """One script to check. `name` is the module's, relative to `root`, the project that it loads from; `path` is None
    for a text from stdin, which is given as `text`."""

    name: str
    root: Path
    path: Path | None = None
    text: str | None = None


@attrs.frozen
class Change:
    """What fixes made of a script's text."""

    script: Script
    before: str
    after: str
    count: int


@attrs.define(eq=False)
class Checker:
    """Checks scripts of one dialect. `texts` are those that fixes have changed, by root and module name."""

    dialect: Dialect
    texts: dict[tuple[Path, str], str] = attrs.field(factory=dict)

    def findings(self, scripts: Sequence[Script]) -> list[Diagnostic]:
        """What is wrong with the scripts and all that they load."""
        seen = set()
        findings = []
        for script in scripts:
            for finding in self._check(script):
                primary = finding.primary
                place = None if primary is None else (script.root, primary.source.name, primary.span)
                key = (finding.slug, finding.message, place)
                if key not in seen:
                    seen.add(key)
                    findings.append(finding)
        return findings

    def fix(self, scripts: Sequence[Script], *, is_unsafe: bool) -> list[Change]:
        """Fixes what can be fixed in the scripts themselves, in memory; `is_unsafe` takes the guesses as well."""
        changes: dict[Script, Change] = {}
        texts: dict[Script, set[str]] = {}
        for _ in range(ROUNDS_MAX):
            is_changed = False
            for script in scripts:
                fixes, source = self._fixes(script, is_unsafe)
                if source is None:
                    continue
                fixed = apply(source.text, fixes)
                known = texts.setdefault(script, {source.text})
                if fixed.text in known:
                    continue
                known.add(fixed.text)
                before = changes[script].before if script in changes else source.text
                count = (changes[script].count if script in changes else 0) + len(fixed.applied)
                changes[script] = Change(script, before, fixed.text, count)
                self.texts[script.root, script.name] = fixed.text
                is_changed = True
            if not is_changed:
                break
        return list(changes.values())

    def _fixes(self, script: Script, is_unsafe: bool) -> tuple[list[Fix], SourceFile | None]:
        """The fixes for a script's own text, and that text as it was checked."""
        fixes = []
        source = None
        for finding in self._check(script):
            fix, primary = finding.fix, finding.primary
            if fix is None or primary is None or primary.source.name != script.name:
                continue
            if fix.is_safe or is_unsafe:
                fixes.append(fix)
                source = primary.source
        return fixes, source

    def _check(self, script: Script) -> list[Diagnostic]:
        loader = ChainLoader(BundledLoader(), FileLoader(script.root))

        def read(name: str) -> SourceFile:
            text = self.texts.get((script.root, name))
            if text is None:
                text = script.text if name == script.name and script.text is not None else loader.read(name)
            return SourceFile(name, text)

        try:
            built = build(script.name, read, prelude_modules(), open_cache(), dialect=self.dialect)
            return [_placed(finding, script) for finding in built.diagnostics]
        except FlowlangError as error:
            problem = problem_of(error)
            return [_placed(Diagnostic(problem.slug, problem.message, hint=problem.hint), script)]


def _placed(finding: Diagnostic, script: Script) -> Diagnostic:
    """A finding about a file as a whole gets the file as its place."""
    if finding.primary is not None:
        return finding
    return attrs.evolve(finding, primary=Label(SourceFile(script.name, ""), (1, 0, 1, 0)))


def write_changes(changes: Iterable[Change]) -> None:
    """Replaces the files of changed scripts, each in one step. Raises UsageError for one that cannot be."""
    for change in changes:
        if change.script.path is not None:
            _replace(change.script.path, change.before.encode(), change.after.encode())


def _replace(path: Path, before: bytes, after: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        if path.read_bytes() != before:
            raise UsageError(f"`{path}` was changed meanwhile", hint="nothing was written to it; check again")
        mode = stat.S_IMODE(path.stat().st_mode)
        descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, mode)
        try:
            with open(descriptor, "wb") as file:
                os.fchmod(descriptor, mode)
                file.write(after)
                file.flush()
                os.fsync(descriptor)
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        hint = "look at the permissions of the file and its folder"
        raise UsageError(f"`{path}` cannot be written: {reason}", hint=hint) from None


def fix_counts(findings: Iterable[Diagnostic], scripts: Iterable[Script]) -> Mapping[bool, int]:
    """How many findings of the scripts themselves have a safe fix (True), and how many another one."""
    names = {script.name for script in scripts}
    counts = {True: 0, False: 0}
    for finding in findings:
        if finding.fix is not None and finding.primary is not None and finding.primary.source.name in names:
            counts[finding.fix.is_safe] += 1
    return counts
