"""The examples do what they say, also when they fail and when they are killed."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from script_run import ScriptRun, ScriptRunner

from flowlang.lang.values.result import Ok
from flowlang.runtime.journal.journal import RunStatus

ROOT = Path(__file__).parents[2]
DATA = "examples/etl/data/"
OUTPUT = "examples/etl/out/"
GOOD_LINES = 200


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the examples, and the first 200 flights as `small.csv` next to the whole file."""
    for name in ("hello/hello.flow", "story/story.flow", "etl/etl.flow"):
        (tmp_path / "examples" / name).parent.mkdir(parents=True)
        shutil.copy(ROOT / "examples" / name, tmp_path / "examples" / name)
    shutil.copytree(ROOT / DATA, tmp_path / DATA)
    lines = (ROOT / DATA / "flights-2013-01.csv").read_text().splitlines(keepends=True)
    (tmp_path / DATA / "small.csv").write_text("".join(lines[: GOOD_LINES + 1]))
    return tmp_path


def run(project: Path, name: str, /, **texts: str) -> ScriptRun:
    entry = f"examples/{name}/{name}.flow"
    return ScriptRunner(project).run({entry: (project / entry).read_text()}, entry, texts)


def rows(project: Path, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(project / OUTPUT / "flights.db")) as database:
        return database.execute(statement).fetchall()


def value(done: ScriptRun) -> object:
    assert done.outcome is not None
    assert isinstance(done.outcome.result, Ok), done.outcome
    return done.outcome.result.value


def test_hello(project: Path) -> None:
    done = run(project, "hello", name="Ada")
    assert value(done) == "greeted Ada"
    assert done.lines == ["hello, Ada"]


def test_story(project: Path) -> None:
    done = run(project, "story")
    assert value(done) == 2
    assert done.lines == ["checked after 2 looks", 'saved 51 bytes; "the" stands there 4 times']
    assert [path.name for path in (project / "examples/story/out").iterdir()] == ["counts.json"]


def test_story_that_fails_cleans_up(project: Path) -> None:
    done = run(project, "story", strictness="9")
    assert done.failure is not None
    assert done.failure.message == "nobody looked closely enough, only 3 times"
    assert not list((project / "examples/story/out").iterdir())


def test_a_script_in_the_manner_of_flowmetal(tmp_path: Path) -> None:
    done = ScriptRunner(tmp_path).run({"main.flow": (Path(__file__).parent / "flowmetal_shape.flow").read_text()})
    assert value(done) == ("somewhere", False, "not today")
    assert not [finding for finding in done.diagnostics if finding.severity.value == "error"]


def test_whole_month(project: Path) -> None:
    done = run(project, "etl")
    assert value(done) == {
        "published": 26_398, "rows": {"good": 26_398, "no delay recorded": 85, "never left": 521},
    }  # fmt: skip
    assert done.lines[0] == "page 1: 4950 flights staged, 50 in quarantine"
    assert done.lines[-1] == "26398 flights published; see examples/etl/out/report.md"
    with (project / DATA / "flights-2013-01.csv").open() as file:
        flights = [row for row in csv.DictReader(file) if row["arr_delay"] != "NA"]
    delays = [int(row["dep_delay"]) for row in flights if row["day"] == "31"]
    assert rows(project, "SELECT count(*), sum(dep_delay) FROM flight WHERE day = '2013-01-31'") == [
        (len(delays), sum(delays))
    ]
    assert rows(project, "SELECT count(*) FROM flight WHERE airline IS NULL") == [(0,)]
    assert rows(project, "SELECT count(*) FROM staged UNION ALL SELECT count(*) FROM attempt") == [(0,), (0,)]
    with (project / OUTPUT / "quarantine.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 606
    report = (project / OUTPUT / "report.md").read_text()
    assert "| ExpressJet Airlines Inc. | 3964 |" in report
    assert f"| 2013-01-31 | {len(delays)} |" in report


def test_bad_rows_go_into_quarantine_with_their_reason(project: Path) -> None:
    path = project / DATA / "small.csv"
    lines = path.read_text().splitlines()
    header = lines[0].split(",")
    for number, column, cell in (
        (1, "dep_delay", "soon"),
        (2, "carrier", "??"),
        (3, "distance", "-5"),
        (4, "dep_time", ""),
    ):
        cells = lines[number].split(",")
        cells[header.index(column)] = cell
        lines[number] = ",".join(cells)
    path.write_text("\n".join(lines) + "\n")
    assert value(run(project, "etl", input=DATA + "small.csv")) == {
        "published": GOOD_LINES - 4,
        "rows": {
            "no delay recorded": 1, "unknown airline": 1, "impossible distance": 1, "never left": 1,
            "good": GOOD_LINES - 4,
        },
    }  # fmt: skip
    with (project / OUTPUT / "quarantine.csv").open() as file:
        reasons = [row["reason"] for row in csv.DictReader(file)]
    assert reasons == ["no delay recorded", "unknown airline", "impossible distance", "never left"]


def test_second_run_replaces_what_the_first_published(project: Path) -> None:
    run(project, "etl", input=DATA + "small.csv")
    before = rows(project, "SELECT count(*), sum(distance) FROM flight")
    quarantine = (project / OUTPUT / "quarantine.csv").read_bytes()
    run(project, "etl", input=DATA + "small.csv")
    assert rows(project, "SELECT count(*), sum(distance) FROM flight") == before
    assert (project / OUTPUT / "quarantine.csv").read_bytes() == quarantine


def test_failure_leaves_nothing_half_done(project: Path) -> None:
    run(project, "etl", input=DATA + "small.csv")
    broken = (project / DATA / "small.csv").read_bytes() + b"2013,1,1,\xff\xfe\n"
    (project / DATA / "broken.csv").write_bytes(broken)
    published = rows(project, "SELECT count(*), count(DISTINCT run) FROM flight")
    done = run(project, "etl", input=DATA + "broken.csv")
    assert done.failure is not None
    assert done.failure.kind == "not-utf-8"
    assert done.lines[-1].startswith("given up, ")
    assert rows(project, "SELECT count(*), count(DISTINCT run) FROM flight") == published
    assert rows(project, "SELECT count(*) FROM staged") == [(0,)]


def test_killed_and_taken_up_again(project: Path) -> None:
    undisturbed = value(run(project, "etl"))
    expected = rows(project, "SELECT * FROM flight ORDER BY 1, 2, 4, 5, 7")
    files = {name: (project / OUTPUT / name).read_bytes() for name in ("report.md", "quarantine.csv")}
    shutil.rmtree(project / OUTPUT)
    command = [sys.executable, "-m", "flowlang", "run", "examples/etl/etl.flow", "--id", "month"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    first = subprocess.Popen(
        command, cwd=project, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert first.stdout is not None
    lines = [first.stdout.readline(), first.stdout.readline()]
    first.send_signal(signal.SIGKILL)
    first.stdout.close()
    assert first.wait() == -signal.SIGKILL
    second = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert second.returncode == 0, second.stderr
    assert lines[1].startswith("page 2: ")
    assert "page 1: " not in second.stdout
    assert undisturbed == {"published": len(expected), "rows": undisturbed["rows"]}  # type: ignore[index]
    assert [row[:-1] for row in rows(project, "SELECT * FROM flight ORDER BY 1, 2, 4, 5, 7")] == [
        row[:-1] for row in expected
    ]
    assert {name: (project / OUTPUT / name).read_bytes() for name in files} == files


def test_status_of_a_missing_input(project: Path) -> None:
    done = run(project, "etl", input=DATA + "nothing.csv")
    assert done.outcome is not None
    assert done.outcome.status is RunStatus.FAILED
    assert done.failure is not None
    assert done.failure.kind == "file-not-found"
