"""`flowlang explain`: the long text of a diagnostic or of a kind of failure."""

from __future__ import annotations

import textwrap
from typing import Any, Final

import click

from flowlang.cli.exit_code import ExitCode
from flowlang.cli.option import Settings, command
from flowlang.cli.problem import explanation_of, own_slugs
from flowlang.errors import UsageError
from flowlang.lang.diagnostics.catalog import Entry, all_slugs, entry
from flowlang.lang.diagnostics.suggest import nearest

WIDTH: Final = 80


@command("explain", example="  flowlang explain undefined-name\n  flowlang explain --all\n")
@click.argument("slug", required=False)
@click.option("--all", "is_all", is_flag=True, help="List all slugs.")
def explain(settings: Settings, slug: str | None, is_all: bool) -> ExitCode:
    """Explain a diagnostic or a kind of failure, named by its slug, as in error[SLUG]."""
    if (slug is None) == (not is_all):
        raise UsageError("`explain` takes a slug, or `--all`", hint="such as `flowlang explain undefined-name`")
    if slug is None:
        return _list_all(settings)
    found = entry(slug)
    own = explanation_of(slug)
    if found is None and own is None:
        near = nearest(slug, [*all_slugs(), *own_slugs()])
        hint = f"did you mean `{near}`?" if near is not None else "`flowlang explain --all` lists all slugs"
        raise UsageError(f"there is no diagnostic `{slug}`", hint=hint)
    title, explanation = own or ("", "")
    if found is not None:
        # What happens on the command line and in scripts has one slug; the catalog knows about scripts.
        title, explanation = found.title, f"{explanation} {found.explanation}".strip()
    if settings.output.is_json:
        document: dict[str, Any] = {
            "schema": "flowlang/explanation/1",
            "slug": slug,
            "title": title,
            "explanation": explanation,
        }
        examples = {"wrong": found.wrong, "right": found.right} if found is not None else {}
        settings.output.document(document | examples)
    else:
        settings.output.data(_text(slug, title, explanation, found))
    return ExitCode.OK


def _list_all(settings: Settings) -> ExitCode:
    titles = {slug: (explanation_of(slug) or ("", ""))[0] for slug in own_slugs()}
    for slug in all_slugs():
        found = entry(slug)
        titles[slug] = found.title if found is not None else ""
    if settings.output.is_json:
        listed = [{"slug": slug, "title": title} for slug, title in sorted(titles.items())]
        settings.output.document({"schema": "flowlang/slugs/1", "slugs": listed})
    else:
        width = max(map(len, titles))
        settings.output.data("\n".join(f"{slug:<{width}}  {title}" for slug, title in sorted(titles.items())))
    return ExitCode.OK


def _text(slug: str, title: str, explanation: str, found: Entry | None) -> str:
    parts = [f"{slug}: {title}", textwrap.fill(explanation, WIDTH, break_on_hyphens=False)]
    if found is not None:
        parts.append("Wrong:\n\n" + textwrap.indent(found.wrong.rstrip(), "    "))
        parts.append("Right:\n\n" + textwrap.indent(found.right.rstrip(), "    "))
    return "\n\n".join(parts)
