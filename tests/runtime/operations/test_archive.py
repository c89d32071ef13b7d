"""Archives: what goes in comes out, and a file that is not what was written is refused."""

from __future__ import annotations

import json
from contextlib import closing
from hashlib import sha256
from random import Random

import pytest

from flowlang.errors import FlowlangError, JournalCorrupt, SchemaMismatch, UsageError
from flowlang.lang.values.canonical import encode
from flowlang.lang.values.result import Ok
from flowlang.runtime.archive import Archive, archive_lines, read_archive, write_archive
from flowlang.runtime.journal.codec import manifest_digest
from flowlang.runtime.journal.event import (
    ActionCompleted,
    ActionScheduled,
    LogWritten,
    Place,
    Record,
    RunCompleted,
    RunStarted,
)
from flowlang.runtime.journal.journal import (
    CodeManifest,
    Counters,
    NewMessage,
    NewWait,
    ParentLink,
    Placement,
    RunStatus,
)
from flowlang.runtime.journal.locate import MEMORY, open_journal
from flowlang.runtime.operations.copying import import_run
from flowlang.testing.clock import VirtualClock

MANIFEST = CodeManifest({"main.flow": "d" * 64}, "1", "3.11", "Linux", {"a": "s"})


def archive():
    """An archive with something in each part, texts beside ASCII and bytes that are no text."""
    events = [
        RunStarted("main.flow", "f", manifest_digest(MANIFEST), b'{"arguments":{"day":"\xc3\xa4"},"texts":{}}', "salt"),
        ActionScheduled((0, 1), "files.read", "x" * 64, Place("main.flow", 3, 4), b"{}"),
        LogWritten((0, -1), "print", "a\n\ud800"),
        ActionCompleted((0, 1), b'{"$bytes":"/w=="}'),
        RunCompleted(True, encode(Ok(None))),
    ]
    records = [Record(number, 1000 + number, 1, event) for number, event in enumerate(events, start=1)]
    return Archive(
        "r-1", "main.flow", "f", "a" * 64, RunStatus.COMPLETED, 1000, Placement("slow", 2, "p"), "cor",
        ParentLink("p-1", "0.1", "cancel", "p-1"),
        Counters(7, 8, 1), MANIFEST, {"main.flow": "print('ä')\n"}, {"region": "eu", "n": 3, "ok": True}, records,
        [NewWait("0.5", "gate", None, b"{}")], [NewMessage("r-1", "signal", "s", "k", b"[1,2]")],
    )  # fmt: skip


def test_what_goes_in_comes_out(tmp_path):
    """Everything that an archive has is the same after a way through a file, which nobody else can read."""
    path = tmp_path / "r.jsonl"
    write_archive(archive(), path, exported_at_ms=5)
    assert read_archive(path) == archive()
    assert path.stat().st_mode & 0o077 == 0
    assert [entry.name for entry in tmp_path.iterdir()] == ["r.jsonl"]


def test_a_file_that_exists_is_kept(tmp_path):
    """An export never replaces a file."""
    path = tmp_path / "r.jsonl"
    path.write_text("mine")
    with pytest.raises(UsageError):
        write_archive(archive(), path, exported_at_ms=5)
    assert path.read_text() == "mine"


def test_every_damage_is_refused(tmp_path):
    """A file with any byte changed, cut off anywhere, or with a line lost, doubled or moved is refused, and never
    gives another run than the one that was written."""
    whole = b"".join(archive_lines(archive(), exported_at_ms=5))
    lines = whole.splitlines(keepends=True)
    random = Random(4)
    damaged = [whole[:end] for end in range(0, len(whole), 17)]
    for _ in range(300):
        place = random.randrange(len(whole))
        damaged.append(whole[:place] + bytes([whole[place] ^ (1 << random.randrange(8))]) + whole[place + 1 :])
    for index in range(len(lines)):
        damaged.append(b"".join(lines[:index] + lines[index + 1 :]))
        damaged.append(b"".join([*lines[:index], lines[index], *lines[index:]]))
        damaged.append(b"".join(lines[:index] + lines[index:][::-1]))
    path = tmp_path / "r.jsonl"
    for data in damaged:
        if data == whole:
            continue
        path.write_bytes(data)
        with pytest.raises((JournalCorrupt, UsageError, SchemaMismatch)):
            read_archive(path)


def forged(random, whole):
    """The lines of an archive with one value exchanged for one of another type, and an end that fits all the same."""
    documents = [json.loads(line) for line in whole.splitlines()[:-1]]
    places = []

    def collect(holder):
        for key in holder if isinstance(holder, dict) else range(len(holder)):
            places.append((holder, key))
            if isinstance(holder[key], (dict, list)):
                collect(holder[key])

    for document in documents[1:]:
        collect(document)
    holder, key = random.choice(places)
    holder[key] = random.choice([None, -1, 2**70, 1.5, "", "x", True, [], [1], {}, {"base64": "!"}, {"a": 1}, "9.9.9"])
    lines = [json.dumps(document).encode() + b"\n" for document in documents]
    digest = sha256(b"".join(lines)).hexdigest()
    records = sum("record" in document for document in documents)
    end = {"end": {"lines": len(lines), "records": records, "sha256": digest}}
    return b"".join(lines) + json.dumps(end).encode() + b"\n"


def test_a_forged_archive_is_never_a_bug(tmp_path):
    """An archive that somebody wrote himself, with a digest that fits, is read or refused; it is never a bug of
    flowlang, neither when it is read nor when it is imported."""
    random, whole = Random(8), b"".join(archive_lines(archive(), exported_at_ms=5))
    path, refused = tmp_path / "r.jsonl", 0
    for number in range(250):
        path.write_bytes(forged(random, whole))
        with closing(open_journal(MEMORY, VirtualClock())) as journal:
            try:
                import_run(journal, read_archive(path), f"copy-{number}")
                journal.read(f"copy-{number}")
            except (JournalCorrupt, UsageError, SchemaMismatch):
                refused += 1
    assert refused > 100


def test_the_line_that_is_wrong_is_named(tmp_path):
    """A file that was cut off says after which line."""
    path = tmp_path / "r.jsonl"
    lines = list(archive_lines(archive(), exported_at_ms=5))
    path.write_bytes(b"".join(lines[:6]))
    with pytest.raises(JournalCorrupt, match="line 6: the file is cut off"):
        read_archive(path)


@pytest.mark.parametrize("text", ["", "\n", "hello\n", "[]\n", '{"schema": "other/1"}\n', "\xff"])
def test_other_files_are_no_archives(tmp_path, text):
    """A file that is something else is a mistake of the caller, not a damaged archive."""
    path = tmp_path / "r.jsonl"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(UsageError, match="is no exported run"):
        read_archive(path)


def test_a_newer_form_is_refused(tmp_path):
    """An archive of a newer flowlang says that it is one."""
    path = tmp_path / "r.jsonl"
    path.write_text(json.dumps({"schema": "flowlang/archive/2", "flowlang": "9.0"}) + "\n")
    with pytest.raises(SchemaMismatch, match=r"flowlang 9\.0 in a newer form"):
        read_archive(path)


def test_a_file_that_is_not_there(tmp_path):
    """A missing file is a mistake of the caller."""
    with pytest.raises(FlowlangError, match="cannot be read: no such file"):
        read_archive(tmp_path / "none.jsonl")
