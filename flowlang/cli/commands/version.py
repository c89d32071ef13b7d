"""`flowlang version`."""

from __future__ import annotations

import platform

from flowlang.cli.exit_code import ExitCode
from flowlang.cli.option import Settings, command
from flowlang.version import __version__


@command("version", example="  flowlang version --output json\n")
def version(settings: Settings) -> ExitCode:
    """Show the version of flowlang and of the Python that it runs on."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    if settings.output.is_json:
        settings.output.document(
            {"schema": "flowlang/version/1", "flowlang": __version__, "python": python, "platform": platform.platform()}
        )
    else:
        settings.output.data(f"flowlang {__version__}\n{python} on {platform.platform()}")
    return ExitCode.OK
