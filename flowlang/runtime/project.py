"""A project on disk: its root folder, the scripts below it, and what its scripts may touch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from flowlang.errors import UsageError
from flowlang.lang.interpreter import Build, build
from flowlang.library import prelude_modules
from flowlang.loaders import BundledLoader, ChainLoader, FileLoader, MappingLoader, source_reader
from flowlang.runtime.database import Databases, declared_databases
from flowlang.runtime.file_access import FileAccess
from flowlang.runtime.journal.locate import project_settings
from flowlang.runtime.program_cache import open_cache


class Project:
    """The folder that scripts, files and databases of runs belong to."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()

    def build(self, path: Path) -> Build:
        """Builds a script. One outside the root is its own little project: it loads from its own folder."""
        path = path if path.is_absolute() else Path.cwd() / path
        if not path.is_file():
            kind = "a folder" if path.is_dir() else "not there"
            raise UsageError(f"{path.name} is {kind}", hint=f"looked for {path}")
        if path.suffix != ".flow":
            raise UsageError(f"{path.name} is no script", hint="scripts end in .flow")
        root = self.root
        real = path.resolve()
        if not real.is_relative_to(root):
            root = real.parent
        files = FileLoader(root)
        name = files.name_of(real)
        read = source_reader(ChainLoader(BundledLoader(), files))
        return build(name, read, prelude_modules(), open_cache())

    def build_pinned(self, entry: str, modules: Mapping[str, str]) -> Build:
        """Builds a run's script from the texts that the run is pinned to."""
        prelude = sorted(name for name in modules if name.startswith("@prelude//"))
        read = source_reader(MappingLoader(modules))
        return build(entry, read, prelude, open_cache())

    def is_edited(self, entry: str, modules: Mapping[str, str]) -> bool:
        """Whether a module of the project differs from the text that a run is pinned to."""
        files = FileLoader(self.root)
        for name, text in modules.items():
            if not name.startswith("@"):
                try:
                    if files.read(name) != text:
                        return True
                except Exception:  # gone, unreadable, or outside the project: not the code that runs
                    return True
        return False

    def access(self) -> tuple[FileAccess, Databases]:
        """What actions may touch: files below the root, and the databases that the project declares."""
        files = FileAccess([self.root])
        return files, Databases(files, declared_databases(project_settings(self.root).get("databases", {}), self.root))
