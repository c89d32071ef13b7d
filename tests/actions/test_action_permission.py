"""Files and databases that the worker's user may not touch. The child gives up the superuser's rights, if it has
them, because for the superuser nothing is forbidden."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import shutil
import tempfile
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
from workbench import Workbench

processes = multiprocessing.get_context("forkserver")
NEEDED = ("flowlang.actions.sqlite", "flowlang.actions.tables")
processes.set_forkserver_preload(["workbench", *NEEDED])
NOBODY = 65534


@pytest.fixture
def public_root() -> Iterator[Path]:
    """A folder that every user can reach, unlike pytest's own."""
    root = Path(tempfile.mkdtemp())
    root.chmod(0o755)
    yield root
    shutil.rmtree(root)


def kind_for_nobody(root: Path, said: Connection, name: str, arguments: list[Any]) -> None:
    # The interpreter itself may lie where the other user cannot read: everything is imported before.
    for module in NEEDED:
        importlib.import_module(module)
    if os.geteuid() == 0:
        os.setuid(NOBODY)
    keywords = {"database": arguments.pop()} if name == "sql.execute" and len(arguments) == 3 else {}
    said.send(Workbench(root).kind(name, *arguments, **keywords))


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("files.read_text", ["secret.txt"]),
        ("files.read_text", ["closed/a.txt"]),
        ("files.write_text", ["new.txt", "x"]),
        ("files.write_text", ["new/a.txt", "x"]),
        ("files.remove", ["open.txt"]),
        ("files.list", ["closed"]),
        ("tables.append_csv", ["open.txt", [{"a": 1}], ["a"]]),
        ("sql.query", ["SELECT * FROM a"]),
        ("sql.execute", ["INSERT INTO a VALUES (1)"]),
        ("sql.execute", ["CREATE TABLE a (x)", [], "deep/er/new.db"]),
    ],
)
def test_what_is_not_permitted(public_root: Path, name: str, arguments: list[Any]) -> None:
    bench = Workbench(public_root)
    bench.call("sql.execute", "CREATE TABLE a (x)")
    bench.close()
    (public_root / "secret.txt").write_text("x")
    (public_root / "secret.txt").chmod(0)
    (public_root / "open.txt").write_text("a\n")
    (public_root / "open.txt").chmod(0o444)
    (public_root / "closed").mkdir(mode=0)
    public_root.chmod(0o555)
    (public_root / "data.db").chmod(0 if name == "sql.query" else 0o444)
    receiving, sending = processes.Pipe(duplex=False)
    child = processes.Process(target=kind_for_nobody, args=(public_root, sending, name, arguments))
    child.start()
    child.join(30)
    assert receiving.poll(0)
    assert receiving.recv() == "permission-denied"
    public_root.chmod(0o755)
