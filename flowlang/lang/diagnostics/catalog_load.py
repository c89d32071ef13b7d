"""Explanations of what can be wrong with a `load`: its names, its source, the module behind it."""

from __future__ import annotations

from typing import Final

from flowlang.lang.diagnostics.catalog import Entry

_RIGHT: Final = 'load("./lib.flow", "clean")\n'

_NAMES: Final = (
    Entry(
        slug="load-not-top-level",
        title="a `load` stands inside a function or block",
        explanation="What a program consists of is known before it runs, and a run keeps the text of all its "
        "modules. So `load` stands at the top level and cannot depend on anything.",
        wrong='def main():\n    load("./lib.flow", "clean")\n    return clean\n',
        right='load("./lib.flow", "clean")\n\ndef main():\n    return clean\n',
    ),
    Entry(
        slug="invalid-load-name",
        title="a `load` asks for something that is not a name",
        explanation="Each name stands in quotes of its own. There is no way to load everything: a reader could not "
        "tell where a name comes from, and a new name in the loaded module could change what the loading one means.",
        wrong='load("./lib.flow", "*")\n',
        right=_RIGHT,
    ),
    Entry(
        slug="private-load-name",
        title="a `load` asks for a private name",
        explanation="Names that begin with an underscore belong to their module. Its author may change them freely.",
        wrong='load("./lib.flow", "_helper")\n',
        right=_RIGHT,
    ),
    Entry(
        slug="missing-load-name",
        title="a module does not bind the name that is loaded from it",
        explanation="A module offers its own globals. Names that it loads itself, and names of the language, are not "
        "passed on: load them from where they are bound.",
        wrong='load("./lib.flow", "claen")\n',
        right=_RIGHT,
    ),
    Entry(
        slug="repeated-load",
        title="a name is loaded twice",
        explanation="Only one of the two could be meant. A name can be loaded under another one.",
        wrong='load("./lib.flow", "clean", clean = "tidy")\n',
        right='load("./lib.flow", "clean", other_clean = "tidy")\n',
    ),
    Entry(
        slug="rebound-load",
        title="a loaded name is bound again",
        explanation="A loaded name means the same in the whole file. Use another name here, or load it under another.",
        wrong='load("./lib.flow", "clean")\n\ndef clean(row):\n    return row\n',
        right='load("./lib.flow", basic_clean = "clean")\n\ndef clean(row):\n    return basic_clean(row)\n',
    ),
)

_SOURCES: Final = (
    Entry(
        slug="load-empty-source",
        title="the source of a `load` is empty",
        explanation="A source is a path beside the loading file (`./lib.flow`), a path from the project's root "
        "(`//lib/api.flow`), or a package (`@std//tables.flow`).",
        wrong='load("", "clean")\n',
        right=_RIGHT,
    ),
    Entry(
        slug="load-parent-path",
        title="a `load` goes up with `..`",
        explanation="With `..` a file could be reached under many names, and files outside of the project could be. "
        "`//` starts at the project's root.",
        wrong='load("../lib.flow", "clean")\n',
        right='load("//lib.flow", "clean")\n',
    ),
    Entry(
        slug="load-absolute-path",
        title="a `load` names an absolute path",
        explanation="A script must mean the same on every machine, and only files of its project can be loaded.",
        wrong='load("/srv/lib.flow", "clean")\n',
        right='load("//lib.flow", "clean")\n',
    ),
    Entry(
        slug="load-home-path",
        title="a `load` names a home folder",
        explanation="A script must mean the same for everybody who runs it, and only files of its project can be "
        "loaded.",
        wrong='load("~/lib.flow", "clean")\n',
        right=_RIGHT,
    ),
    Entry(
        slug="load-url",
        title="a `load` names an address on the network",
        explanation="Nothing is fetched while a program is put together: it would not be the same program every time.",
        wrong='load("https://example.org/lib.flow", "clean")\n',
        right=_RIGHT,
    ),
    Entry(
        slug="load-backslash",
        title="a `load` holds a backslash",
        explanation="Folders are separated by `/` on every system.",
        wrong='load(".\\\\lib.flow", "clean")\n',
        right=_RIGHT,
    ),
    Entry(
        slug="load-colon",
        title="a `load` holds a colon",
        explanation="Sources are plain paths; there are no labels as in build files.",
        wrong='load(":lib.flow", "clean")\n',
        right=_RIGHT,
    ),
    Entry(
        slug="load-control-character",
        title="a `load` holds a character that cannot be seen",
        explanation="Line ends, zero bytes and marks that turn the direction of text make a name look like another "
        "one.",
        wrong='load("./lib\\u200b.flow", "clean")\n',
        right=_RIGHT,
    ),
    Entry(
        slug="load-percent-escape",
        title="a `load` holds a percent sign",
        explanation="Escapes as in addresses are not undone, so that one file has one name.",
        wrong='load("./%6cib.flow", "clean")\n',
        right=_RIGHT,
    ),
    Entry(
        slug="load-empty-segment",
        title="a `load` has an empty part",
        explanation="`a//b` and `a/./b` would name one file in several ways. `./` stands only at the beginning, `//` "
        "only at the beginning or after a package.",
        wrong='load(".//lib.flow", "clean")\n',
        right=_RIGHT,
    ),
    Entry(
        slug="load-not-flow",
        title="a `load` names something else than a `.flow` file",
        explanation="Only modules can be loaded. Data files are read by actions, so that what they held is recorded.",
        wrong='load("./lib", "clean")\n',
        right=_RIGHT,
    ),
    Entry(
        slug="load-too-long",
        title="the source of a `load` is too long",
        explanation="A source has at most 512 characters, a path from the root at most 480, one name in it at most "
        "255 bytes, which is what file systems take.",
        wrong='load("./' + "long" * 64 + '.flow", "clean")\n',
        right=_RIGHT,
    ),
    Entry(
        slug="load-unknown-package",
        title="a `load` names an unknown package",
        explanation="The packages are the standard library, `@std//name.flow`, and the prelude, as one "
        "(`pkg.flowmetal.io/v1/prelude`) or by its modules (`@prelude//name.flow`).",
        wrong='load("@stdlib//tables.flow", "clean")\n',
        right=_RIGHT,
    ),
)

_MODULES: Final = (
    Entry(
        slug="load-not-found",
        title="a module is not there",
        explanation="A path without `//` starts in the folder of the file that holds the `load`, not in the folder "
        "where the command was given.",
        wrong='load("./libs.flow", "clean")\n',
        right=_RIGHT,
    ),
    Entry(
        slug="load-cycle",
        title="modules load each other in a circle",
        explanation="A module runs after those that it loads, so none of a circle could be the first. Move what both "
        "need into a module that loads neither.",
        wrong='load("./main.flow", "clean")\n',
        right=_RIGHT,
    ),
    Entry(
        slug="load-too-deep",
        title="too many modules load one another in a chain",
        explanation="A chain of 64 modules is more than anybody can follow; it is refused before it costs anything.",
        wrong="# 65 modules, each of which loads the next\n",
        right=_RIGHT,
    ),
    Entry(
        slug="load-too-many",
        title="the program has too many modules",
        explanation="A program has at most 1024 modules. A run keeps the text of each.",
        wrong="# more than 1024 loads of different modules\n",
        right=_RIGHT,
    ),
    Entry(
        slug="load-outside-root",
        title="a script lies outside of the project",
        explanation="The project's root is the nearest folder upwards with `.flowlang/`, `.git` or `[tool.flowlang]` "
        "in `pyproject.toml`. All modules lie in it.",
        wrong="# flowlang run /tmp/elsewhere.flow\n",
        right="# flowlang run scripts/etl.flow\n",
    ),
    Entry(
        slug="load-link",
        title="a `load` leads through a symbolic link",
        explanation="A link can point anywhere, and elsewhere tomorrow. Links are not followed, neither to files nor "
        "to folders.",
        wrong="# lib.flow is a link to /srv/shared/lib.flow\n",
        right="# lib.flow is a copy of /srv/shared/lib.flow\n",
    ),
    Entry(
        slug="load-not-a-file",
        title="a `load` names something that is not a file",
        explanation="Folders, pipes and devices are never opened as modules.",
        wrong="# lib.flow is a folder\n",
        right="# lib.flow is a file\n",
    ),
    Entry(
        slug="load-too-large",
        title="a module is too large",
        explanation="A module has at most 4 MiB. Data belongs into files that actions read.",
        wrong="# lib.flow holds 10 MiB of rows\n",
        right="# lib.flow reads them by `current_flow().actions.tables.read_csv(path)`\n",
    ),
    Entry(
        slug="load-forbidden",
        title="a module may not be read",
        explanation="The operating system refuses it to the user who runs the script.",
        wrong="# chmod 000 lib.flow\n",
        right="# chmod 644 lib.flow\n",
    ),
    Entry(
        slug="load-unreadable",
        title="a module cannot be read",
        explanation="The operating system reports an error that does not come from the script.",
        wrong="# the disk of lib.flow has a damaged sector\n",
        right="# lib.flow is restored from a copy\n",
    ),
    Entry(
        slug="load-not-utf-8",
        title="a module is not UTF-8",
        explanation="Modules are texts in UTF-8. The message names the first byte that does not fit.",
        wrong="# lib.flow is saved as Latin-1\n",
        right="# lib.flow is saved as UTF-8\n",
    ),
)

ENTRIES: Final[tuple[Entry, ...]] = _NAMES + _SOURCES + _MODULES
