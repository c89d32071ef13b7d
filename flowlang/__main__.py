"""`python -m flowlang`, and what the command `flowlang` calls.

Ctrl-C may come at any moment, also while modules are being loaded; it never shows a Python traceback.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Runs the command line and ends the process with its exit code."""
    try:
        from flowlang.cli.main import run

        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)


if __name__ == "__main__":
    main()
