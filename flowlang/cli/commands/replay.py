"""`flowlang replay`: asks whether code agrees with recorded runs, and opens the debugger on one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs
import click

from flowlang.cli.exit_code import ExitCode
from flowlang.cli.option import Settings, command
from flowlang.cli.run_choice import Choice, selecting
from flowlang.errors import UsageError

if TYPE_CHECKING:
    from flowlang.lang.interpreter import Build
    from flowlang.runtime.compatibility import Summary, Verdict
    from flowlang.runtime.dry_replay import Recording
    from flowlang.runtime.journal.journal import Journal, RunRecord

ARCHIVE_SUFFIX: Final = ".jsonl"
_EXAMPLE: Final = """\
  flowlang replay etl-2026-01-31 --against etl.flow
  flowlang replay --status waiting --against etl.flow --output json
  flowlang replay etl-2026-01-31 --debug
  flowlang replay etl-2026-01-31.jsonl --debug --commands steps.txt
"""


@attrs.frozen
class Debugging:
    """The options that only `--debug` has."""

    commands: str | None
    chapter: int | None
    library: bool


@command("replay", uses_journal=True, example=_EXAMPLE)
@selecting
@click.argument("target", metavar="[ID|FILE.jsonl]", required=False)
@click.option("--against", metavar="FILE", help="The code to compare with.  [default: that of the run]")
@click.option("--debug", is_flag=True, help="Step through the run; type `help` there.")
@click.option("--commands", metavar="FILE|-", help="With `--debug`: read the debugger's commands from a file.")
@click.option(
    "--chapter", type=click.IntRange(min=1), help="With `--debug`: of a run with several.  [default: the last]"
)
@click.option("--library", is_flag=True, help="With `--debug`: stop in bundled modules, too.")
def replay(
    settings: Settings, choice: Choice, target: str | None, against: str | None, debug: bool, commands: str | None,
    chapter: int | None, library: bool,
) -> ExitCode:  # fmt: skip
    """Say whether code still agrees with what recorded runs did. Nothing is performed.

    Without `--against` a run is replayed with the code that it is pinned to. FILE.jsonl is an exported run; nothing
    else is needed for it. The exit code is 5 when a run diverges.
    """
    if (target is None) != choice.is_given:
        message = "an id and a selection contradict each other" if choice.is_given else "which run is not said"
        raise UsageError(message, hint="give an id, the file of an exported run, or select runs with `--where`")
    if not debug and (commands is not None or chapter is not None or library):
        raise UsageError("`--commands`, `--chapter` and `--library` belong to `--debug`", hint="add `--debug`")
    if debug and target is None:
        raise UsageError("one run at a time can be debugged", hint="give its id, or the file of an exported run")
    code = Code(settings, against)
    if code.errors is not None:
        return code.errors
    if target is None:
        return _replay_many(settings, choice, code)
    options = Debugging(commands, chapter, library) if debug else None
    if target.endswith(ARCHIVE_SUFFIX):
        from flowlang.runtime.archive import read_archive
        from flowlang.runtime.dry_replay import archived_recording
        from flowlang.runtime.payload_codec import configured_codec

        archive = read_archive(Path(target), configured_codec())
        return _replay_one(settings, archived_recording(archive), code, options)

    from flowlang.cli.option import use_journal

    def replay_recorded(journal: Journal) -> ExitCode:
        from flowlang.cli.run_lookup import find_run
        from flowlang.runtime.dry_replay import recording_of

        run = find_run(journal, target)
        recording = recording_of(journal, run.run_id, is_whole=chapter is not None)
        return _replay_one(settings, recording, code, options)

    return use_journal(settings, replay_recorded, target)


class Code:
    """The code that runs are compared with: one file for all of them, or each run's own. `errors`: the exit code when
    the file has errors, which were shown then."""

    def __init__(self, settings: Settings, against: str | None) -> None:
        from flowlang.runtime.project import Project

        self._project = Project(settings.root)
        self._pinned: dict[str, Build] = {}
        self.given: Build | None = None
        self.errors: ExitCode | None = None
        if against is not None:
            self.given = self._project.build(Path(against))
            if self.given.has_errors:
                from flowlang.cli.problem_report import show_source_errors

                self.errors = show_source_errors(settings.output, self.given.entry, self.given.diagnostics)

    def of(self, entry: str, modules: Mapping[str, str]) -> Build:
        """The code for one run."""
        return self.given or self._project.build_pinned(entry, modules)

    def of_recorded(self, journal: Journal) -> Callable[[RunRecord], Build]:
        """The code for runs of a journal, built once for those of the same code."""

        def of(run: RunRecord) -> Build:
            if self.given is not None:
                return self.given
            key = f"{run.code} {run.entry}"
            if key not in self._pinned:
                self._pinned[key] = self._project.build_pinned(run.entry, journal.modules(run.run_id))
            return self._pinned[key]

        return of


def _replay_one(settings: Settings, recording: Recording, code: Code, debugging: Debugging | None) -> ExitCode:
    from flowlang.actions import shipped_actions
    from flowlang.cli.divergence_text import render_divergence, render_unchecked, verdict_document
    from flowlang.runtime.action import ActionRegistry
    from flowlang.runtime.compatibility import Compatible, Diverges, check_run

    build, registry = code.of(recording.entry, recording.modules), ActionRegistry(shipped_actions())
    if debugging is not None:
        from flowlang.cli.debugger import debug

        return debug(
            settings, recording, build, registry, commands=debugging.commands, chapter=debugging.chapter,
            library=debugging.library,
        )  # fmt: skip
    found = check_run(recording, build, registry)
    texts = {name: source.text for name, source in build.sources.items()}
    exit_code = exit_code_of(found)
    output = settings.output
    if output.is_json:
        _show_document(settings, [verdict_document(found, recording.modules, texts)], exit_code)
    elif isinstance(found, Compatible):
        output.data(f"compatible: all {found.events} events of `{found.run_id}` agree with {build.entry}")
        for change in found.changes:
            output.note(change)
    elif isinstance(found, Diverges):
        hint = "nothing was performed; the run goes on with the code that it is pinned to"
        text = render_divergence(found, recording.modules, texts, hint=hint, color=output.has_color_data)
        output.rendered(text)
    else:
        output.rendered(render_unchecked(found, color=output.has_color_data))
    return exit_code


def exit_code_of(found: Verdict) -> ExitCode:
    """What a verdict on a run means for the caller."""
    from flowlang.runtime.compatibility import Compatible, Diverges

    if isinstance(found, Compatible):
        return ExitCode.OK
    return ExitCode.DIVERGED if isinstance(found, Diverges) else ExitCode.FAILED


def _show_document(settings: Settings, runs: list[dict[str, Any]], exit_code: ExitCode) -> None:
    agree = sum(run["verdict"] == "compatible" for run in runs)
    settings.output.document(
        {
            "schema": "flowlang/replay/1",
            "runs": runs,
            "total": len(runs),
            "compatible": agree,
            "exit_code": int(exit_code),
        }
    )


def _replay_many(settings: Settings, choice: Choice, code: Code) -> ExitCode:
    from flowlang.cli.option import use_journal

    def check(journal: Journal) -> ExitCode:
        from flowlang.actions import shipped_actions
        from flowlang.cli.divergence_text import verdict_document
        from flowlang.runtime.action import ActionRegistry
        from flowlang.runtime.compatibility import check_runs, summarise

        registry, build_of = ActionRegistry(shipped_actions()), code.of_recorded(journal)
        verdicts = check_runs(journal, choice.selection().runs(journal), build_of, registry)
        if settings.output.is_json:
            found = list(verdicts)
            exit_code = _worst(map(exit_code_of, found))
            new = {} if code.given is None else {name: source.text for name, source in code.given.sources.items()}
            documents = [verdict_document(each, _old_texts(journal, each), new) for each in found]
            _show_document(settings, documents, exit_code)
            return exit_code
        return show_summary(settings, journal, summarise(verdicts), code.given)

    return use_journal(settings, check)


def show_summary(settings: Settings, journal: Journal, summary: Summary, given: Build | None) -> ExitCode:
    """Shows how many runs agree, and for each place where others do not one of them in full."""
    from flowlang.cli.divergence_text import listed, render_divergence, render_unchecked
    from flowlang.runtime.compatibility import Diverges

    output = settings.output
    output.data(f"{summary.compatible} of {summary.total} runs agree with the code")
    for group in summary.groups:
        count = len(group.run_ids)
        output.data(f"\n{count} run{'s' if count != 1 else ''}: {listed(group.run_ids)}")
        if isinstance(group.example, Diverges):
            old = journal.modules(group.example.run_id)
            new = old if given is None else {name: source.text for name, source in given.sources.items()}
            output.rendered(render_divergence(group.example, old, new, color=output.has_color_data))
        else:
            output.rendered(render_unchecked(group.example, color=output.has_color_data))
    return _worst(exit_code_of(group.example) for group in summary.groups)


def _worst(codes: Iterable[ExitCode]) -> ExitCode:
    found = set(codes)
    return next((code for code in (ExitCode.DIVERGED, ExitCode.FAILED) if code in found), ExitCode.OK)


def _old_texts(journal: Journal, found: Verdict) -> Mapping[str, str]:
    from flowlang.runtime.compatibility import Diverges

    return journal.modules(found.run_id) if isinstance(found, Diverges) else {}
