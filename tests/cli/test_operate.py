"""Operating runs from the command line: what each command does, says and gives programs that call it."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import threading
from contextlib import closing
from pathlib import Path

import pytest
from cli_world import COMMAND, environment

from flowlang.cli.exit_code import ExitCode
from flowlang.cli.option import Settings, shown_location
from flowlang.cli.output import Output
from flowlang.runtime.clock import SystemClock
from flowlang.runtime.journal.event import RunStopped
from flowlang.runtime.journal.journal import CRASHES_MAX, Counters, Effects, RunStatus
from flowlang.runtime.journal.sql import SqlJournal

SCRIPT = """
def _paid(fctx):
    fctx.actions.progress(1, 4, "asking")
    return fctx.actions.receive("paid")

paid = flow(implementation = _paid)

def _read(fctx):
    return fctx.actions.files.read_text("in.txt")

read = flow(implementation = _read)

def _part(fctx):
    return fctx.actions.receive("go")

part = flow(implementation = _part)

def _whole(fctx):
    child = fctx.actions.spawn(part)
    print("spawned")
    return fctx.actions.wait(child)

whole = flow(implementation = _whole)
"""


@pytest.fixture
def shop(world):
    """A project with runs that wait (`w1`, `w2`: of the regions eu and us) and one that failed (`f1`)."""
    world.write("main.flow", SCRIPT)
    for run_id, region in (("w1", "eu"), ("w2", "us")):
        assert run(world, "run", "main.flow:paid", "--id", run_id, "--label", f"region={region}", "--detach")
    run(world, "run", "main.flow:read", "--id", "f1", "--detach")
    run(world, "worker", "--once")
    return world


def run(world, *arguments, code=0, stdin=""):
    """What a command writes, which must end with a code."""
    result = world.command(*arguments, stdin=stdin)
    assert result.code == code, result.stderr
    return result


def document(world, *arguments, code=0):
    """The document of a command."""
    return run(world, *arguments, "-o", "json", code=code).document


def statuses(world):
    """The status of every run."""
    return {each["run_id"]: each["status"] for each in document(world, "runs", "list")["runs"]}


def test_selecting_runs(shop):
    """Expressions, statuses and ages select; `jsonl` gives a document for each run."""
    assert statuses(shop) == {"w1": "waiting", "w2": "waiting", "f1": "failed"}
    found = document(shop, "runs", "list", "--where", 'region = "eu" or progress = 0.25 and region != "us"')
    assert [each["run_id"] for each in found["runs"]] == ["w1"]
    assert document(shop, "runs", "count", "--status", "waiting", "--since", "1h")["by_status"] == {"waiting": 2}
    assert document(shop, "runs", "list", "--where", 'created < "1h ago"')["runs"] == []
    lines = run(shop, "runs", "list", "--fields", "run_id,attribute.region", "-o", "jsonl").stdout.splitlines()
    assert [json.loads(line).get("attribute.region") for line in lines] == [None, "us", "eu"]
    assert "did you mean `run_id`?" in run(shop, "runs", "list", "--fields", "runid", code=2).stderr


def test_names_that_nearly_are_columns(shop):
    """A misspelt column is an attribute that no run has: that is said where nothing is found, and before a batch."""
    hint = "`stauts` is taken for an attribute; did you mean `status`?"
    assert hint in run(shop, "runs", "list", "--where", 'stauts = "waiting"').stderr
    assert hint in run(shop, "runs", "count", "--where", 'stauts = "waiting"').stderr
    assert hint in run(shop, "runs", "terminate", "--where", 'id = "w1" and not stauts = "x"', "--dry-run").stderr
    assert "hint" not in run(shop, "runs", "list", "--where", 'attribute.stauts = "x" or city = "Rome"').stderr


def test_fields_are_shown_as_people_read_them(shop):
    """Progress in words, and the names that expressions have for fields."""
    lines = run(shop, "runs", "list", "--fields", "id,script,progress").stdout.splitlines()
    assert lines[0].split() == ["RUN_ID", "ENTRY", "PROGRESS"]
    assert lines[-1].split(maxsplit=2) == ["w1", "main.flow", "1 of 4 (25 %): asking"]


def test_a_copy_says_of_what(shop):
    """A forked run names the run that it began as, and one that was ended says once why."""
    run(shop, "runs", "fork", "w1", "--at", "2", "--id", "copy")
    assert "copy of    run w1, up to event 2" in run(shop, "runs", "show", "copy").stdout
    run(shop, "runs", "cancel", "w1", "--wait", "--reason", "late")
    assert "stopped by cancelled: late" in run(shop, "runs", "show", "w1").stdout


def test_commands_of_groups_are_found(world):
    """`flowlang logs` was meant to be `flowlang runs logs`."""
    assert "did you mean `flowlang runs logs`?" in run(world, "logs", code=2).stderr
    assert "did you mean `flowlang db prune`?" in run(world, "prune", code=2).stderr


def test_a_batch_does_nothing_unless_it_is_wanted(shop):
    """Without `--yes` and without a terminal a batch is refused; a dry run changes nothing; `--yes` does it."""
    refused = run(shop, "runs", "cancel", "--status", "waiting", code=ExitCode.USAGE)
    assert "cancel 2 runs: nobody is there to be asked" in refused.stderr
    planned = document(shop, "runs", "cancel", "--status", "waiting", "--dry-run")
    assert planned["dry_run"]
    assert [each["run_id"] for each in planned["runs"]] == ["w1", "w2"]
    run(shop, "worker", "--once")
    assert statuses(shop)["w1"] == "waiting"
    done = document(shop, "runs", "cancel", "--where", 'region = "eu"', "--yes")
    assert [each["run_id"] for each in done["runs"]] == ["w1"]
    run(shop, "worker", "--once")
    assert statuses(shop) == {"w1": "cancelled", "w2": "waiting", "f1": "failed"}


def test_one_refusal_does_not_keep_others_from_being_changed(shop):
    """Of several runs those that refuse are named, the others are changed, and the exit code says so."""
    (shop.root / "in.txt").write_text("x")
    done = document(shop, "runs", "retry", "--where", 'id in ["w1", "f1"]', "--yes", code=ExitCode.FAILED)
    assert [("error" in each, each["run_id"]) for each in done["runs"]] == [(True, "w1"), (False, "f1")]
    run(shop, "worker", "--once")
    assert statuses(shop)["f1"] == "completed"


def test_an_id_or_a_selection(shop):
    """A command needs to know which runs, once."""
    assert "which run" in run(shop, "runs", "terminate", code=2).stderr
    assert "contradict" in run(shop, "runs", "terminate", "w1", "--status", "waiting", code=2).stderr


def test_cancel_and_wait(shop):
    """`--wait` sees the run to its end here, without a worker."""
    assert document(shop, "runs", "cancel", "w1", "--wait", "--reason", "late")["runs"][0]["status"] == "cancelled"
    assert "late" in run(shop, "runs", "show", "w1").stdout
    assert run(shop, "runs", "cancel", "w1", code=2).stderr.startswith("error[run-ended]")


def test_show_says_why_a_run_waits(shop):
    """What a run waits for, since when and where, in the text and in the document, with what to type."""
    text = run(shop, "runs", "show", "w1")
    assert "waits for  signal `paid`, since" in text.stdout
    assert "progress   1 of 4 (25 %): asking" in text.stdout
    assert "`flowlang signal w1 paid --payload JSON`" in text.stderr
    [wait] = document(shop, "runs", "show", "w1")["waits"]
    assert (wait["kind"], wait["name"], wait["place"]["line"]) == ("signal", "paid", 4)
    run(shop, "signal", "w1", "paid")
    assert "a worker goes on with it" in run(shop, "runs", "show", "w1").stderr
    assert "`flowlang runs retry f1`" in run(shop, "runs", "show", "f1").stderr


def test_signals(shop):
    """A payload is JSON, from the command line or stdin; a key makes a signal count once."""
    assert "is not JSON" in run(shop, "signal", "w1", "paid", "--payload", "{", code=2).stderr
    run(shop, "signal", "w1", "paid", "--payload", "-", "--key", "k", stdin='{"a": [1]}')
    assert document(shop, "signal", "w1", "paid", "--payload", '{"a": [1]}', "--key", "k")["runs"][0]["is_new"] is False
    conflict = run(shop, "signal", "w1", "paid", "--payload", "2", "--key", "k", code=2)
    assert conflict.stderr.startswith("error[message-conflict]")
    run(shop, "worker", "--once")
    assert document(shop, "runs", "result", "w1")["value"] == {"a": [1]}
    assert run(shop, "signal", "w1", "paid", code=2).stderr.startswith("error[run-ended]")


def test_many_runs_are_told_and_set_back_at_once(shop):
    """Signals and resets take selections; a run that cannot be set back to the event refuses, the others go back."""
    assert "not 2 words" in run(shop, "signal", "w1", "paid", "--status", "waiting", code=2).stderr
    assert "not 1 words" in run(shop, "signal", "paid", code=2).stderr
    sent = document(shop, "signal", "paid", "--payload", "1", "--status", "waiting", "--yes")
    assert [each["run_id"] for each in sent["runs"]] == ["w1", "w2"]
    run(shop, "worker", "--once")
    assert statuses(shop) == {"w1": "completed", "w2": "completed", "f1": "failed"}
    kinds = [event["kind"] for event in document(shop, "runs", "journal", "w1")["events"]]
    received = 1 + kinds.index("message-received")
    assert document(shop, "runs", "show", "f1")["events"] == received + 1
    back = ("runs", "reset", "--where", "events > 0", "--to")
    planned = document(shop, *back, str(received - 1), "--dry-run")
    assert [each["delivered_again"] for each in planned["runs"]] == [1, 1, 0]
    assert statuses(shop)["w1"] == "completed"
    done = document(shop, *back, str(received + 1), "--yes", code=ExitCode.FAILED)
    assert [each.get("delivered_again") for each in done["runs"]] == [0, 0, None]
    run(shop, "worker", "--once")
    assert statuses(shop)["w1"] == "completed"


def test_delete_asks_and_forgets(shop):
    """A run that goes on is not deleted; one that ended is, and only with `--yes` or after a question."""
    assert run(shop, "runs", "delete", "f1", code=2).stderr.startswith("error[usage]")
    run(shop, "runs", "delete", "w1", "--yes", code=2)
    run(shop, "runs", "delete", "f1", "--yes")
    assert "f1" not in statuses(shop)
    run(shop, "runs", "show", "f1", code=2)


def test_export_and_import(shop, tmp_path):
    """An exported run is there again under another id; what had not ended comes in stopped and can go on."""
    file = tmp_path / "w1.jsonl"
    run(shop, "runs", "export", "w1", "--to", str(file))
    assert "exists" in run(shop, "runs", "export", "w1", "--to", str(file), code=2).stderr
    assert run(shop, "runs", "import", str(file), code=2).stderr.startswith("error[run-exists]")
    run(shop, "runs", "import", str(file), "--id", "copy")
    assert statuses(shop)["copy"] == "stopped"
    run(shop, "runs", "retry", "copy")
    run(shop, "signal", "copy", "paid", "--payload", "7")
    run(shop, "worker", "--once")
    assert document(shop, "runs", "result", "copy")["value"] == 7
    with shop.journal() as journal:
        assert journal.attributes("copy") == {"region": "eu"}
    whole = file.read_bytes()
    file.write_bytes(whole.replace(b"region", b"regiom", 1))
    assert run(shop, "runs", "import", str(file), "--id", "more", code=74).stderr.startswith("error[journal-corrupt]")
    run(shop, "runs", "export", "--status", "waiting", "--to", str(tmp_path / "all"), "--yes")
    assert sorted(path.name for path in (tmp_path / "all").iterdir()) == ["w1.jsonl", "w2.jsonl"]


def test_reset_and_fork(shop):
    """`reset` says what it would undo; `fork --code` refuses code that asks for something else, naming the event."""
    (shop.root / "in.txt").write_text("x")
    plan = document(shop, "runs", "reset", "f1", "--to", "3", "--dry-run")
    assert plan["runs"][0]["undone"] == 3
    assert statuses(shop)["f1"] == "failed"
    shop.write("main.flow", SCRIPT.replace("in.txt", "other.txt"))
    diverged = run(shop, "runs", "fork", "f1", "--at", "3", "--code", "main.flow", code=ExitCode.DIVERGED)
    assert "at event 3" in diverged.stderr
    assert "fork at event 2" in diverged.stderr
    shop.write("other.txt", "other")
    forked = document(shop, "runs", "fork", "f1", "--at", "2", "--code", "main.flow", "--id", "g1")
    assert forked["runs"][0]["forked_from"] == "f1"
    run(shop, "runs", "reset", "f1", "--to", "3")
    run(shop, "worker", "--once")
    assert document(shop, "runs", "result", "f1")["value"] == "x"
    assert document(shop, "runs", "result", "g1")["value"] == "other"


def test_a_run_that_is_driven_is_left_alone(shop):
    """Who drives it is named, and what ends it; it says what it waits for all the same."""
    with shop.journal() as journal:
        journal.claim("w1", journal.new_owner())
        for command in (("reset", "w1", "--to", "1"), ("delete", "w1", "--yes")):
            refused = run(shop, "runs", *command, code=ExitCode.HELD)
            assert f"run `w1` is driven by process {os.getpid()} on" in refused.stderr
            assert "`flowlang runs terminate w1` ends it at once" in refused.stderr
        assert "`flowlang runs watch w1`" in run(shop, "runs", "retry", "w1", code=2).stderr
        assert "`flowlang signal w1 paid" in run(shop, "runs", "show", "w1").stderr
        run(shop, "runs", "terminate", "w1")
    assert statuses(shop)["w1"] == "terminated"


def test_tree_and_logs(shop):
    """The tree has the runs below a run, each with its status; the log its lines."""
    run(shop, "run", "main.flow:whole", "--id", "t1", "--detach")
    run(shop, "worker", "--once")
    lines = run(shop, "runs", "tree", "t1").stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [["t1", "waiting"], ["t1:0.0", "waiting"]]
    assert document(shop, "runs", "tree", "t1")["children"][0]["run_id"] == "t1:0.0"
    assert "run t1:0.0" in run(shop, "runs", "show", "t1").stdout
    assert run(shop, "runs", "logs", "t1").stdout.endswith("spawned\n")


def test_filters_of_journals(shop):
    """Events by kind, by number, backwards, counted; a kind that does not exist is refused with the nearest."""
    events = document(shop, "runs", "journal", "f1", "--event", "action-failed", "--event", "run-started")["events"]
    assert [event["kind"] for event in events] == ["run-started", "action-failed"]
    backwards = document(shop, "runs", "journal", "f1", "--from", "2", "--to", "4", "--reverse", "--limit", "2")
    assert [event["sequence"] for event in backwards["events"]] == [4, 3]
    counts = document(shop, "runs", "journal", "f1", "--count")
    assert counts["by_kind"]["flow-started"] == 1
    assert (
        "did you mean `action-failed`?" in run(shop, "runs", "journal", "f1", "--event", "action-fail", code=2).stderr
    )


def test_watch_streams_events_and_ends_with_the_outcome(shop):
    """`watch -o jsonl` gives each event as it comes and then the outcome, while somebody else drives the run."""
    worker = threading.Thread(target=lambda: _signal_and_work(shop), daemon=True)
    process = subprocess.Popen(
        [*COMMAND, "runs", "watch", "w1", "--from", "1", "-o", "jsonl"],
        stdout=subprocess.PIPE, text=True, env=environment(),
    )  # fmt: skip
    with process:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        worker.start()
        rest = [json.loads(line) for line in process.stdout]
    worker.join()
    assert process.returncode == 0
    assert first["kind"] == "run-started"
    assert [each["schema"] for each in rest[:-1]] == ["flowlang/event/1"] * len(rest[:-1])
    assert rest[-1]["schema"] == "flowlang/outcome/1"
    assert rest[-1]["value"] == 5


def _signal_and_work(world):
    """What another process would do: sends the signal and drives the run."""
    command = [*COMMAND, "signal", "w1", "paid", "--payload", "5"]
    subprocess.run(command, env=environment(), check=True, capture_output=True)
    subprocess.run([*COMMAND, "worker", "--once"], env=environment(), check=True, capture_output=True)


def test_result_of_an_unfinished_run(shop):
    """Without `--wait` a run that goes on gives 3; with it the time is limited."""
    assert shop.command("runs", "result", "w1").code == ExitCode.UNFINISHED
    limited = shop.command("runs", "result", "w1", "--wait", "--timeout", "0.2")
    assert (limited.code, limited.stdout) == (ExitCode.UNFINISHED, "")
    assert shop.command("runs", "result", "f1").code == ExitCode.FAILED


def test_detached_runs_are_checked_first(world):
    """A run whose arguments do not fit is refused at once and leaves nothing; options that make no sense are, too."""
    world.write("main.flow", 'f = flow(implementation = lambda fctx: 1, args = {"day": args.string()})\n')
    run(world, "run", "main.flow:f", "--detach", code=2)
    assert statuses(world) == {}
    assert "add `--detach`" in run(world, "run", "main.flow:f", "--delay", "5s", code=2).stderr
    run(world, "run", "main.flow:f", "--detach", "--max-steps", "5", code=2)


def test_a_delayed_run_waits_for_its_time(shop):
    """A run with `--delay` is not taken up before."""
    run(shop, "run", "main.flow:read", "--id", "later", "--delay", "1h", "--detach")
    run(shop, "worker", "--once")
    assert statuses(shop)["later"] == "suspended"


def test_worker_hands_back_on_sigterm(shop):
    """A worker that is told to stop ends with 0, gives its runs back, and another takes them up at once."""
    process = subprocess.Popen([*COMMAND, "worker", "-v", "--log-format", "json"], stderr=subprocess.PIPE, text=True,
                               env=environment())  # fmt: skip
    with process:
        assert process.stderr is not None
        started = json.loads(process.stderr.readline())
        run(shop, "signal", "w1", "paid", "--payload", '"secret"')
        lines = []
        for line in process.stderr:
            lines.append(json.loads(line))
            if lines[-1]["text"] == "put down, completed":
                break
        process.send_signal(signal.SIGTERM)
        lines += [json.loads(line) for line in process.stderr]
    assert process.returncode == 0
    assert started["text"] == "worker started"
    assert lines[-1]["text"] == "worker stopped"
    assert "secret" not in json.dumps(lines)
    with shop.journal() as journal:
        assert journal.run("w1").status is RunStatus.COMPLETED
        assert journal.run("w2").owner == ""


def test_stuck_runs(shop):
    """A run whose worker went away is stuck when its lease is over; the next worker takes it."""
    assert "no run is stuck" in run(shop, "runs", "stuck").stderr
    run(shop, "signal", "w1", "paid")
    with closing(SqlJournal(shop.root / ".flowlang" / "flowlang.db", clock=SystemClock(), lease_ms=1)) as journal:
        journal.claim("w1", journal.new_owner())
    found = run(shop, "runs", "stuck")
    assert "w1" in found.stdout
    assert "worker --once" in found.stderr
    assert [each["run_id"] for each in document(shop, "runs", "stuck")["runs"]] == ["w1"]
    assert document(shop, "runs", "stuck", "--older-than", "1h")["runs"] == []
    run(shop, "worker", "--once")
    assert statuses(shop)["w1"] == "completed"


def test_database_status_and_upkeep(shop):
    """Counters, keys, checks and pruning, with and without a policy."""
    status = document(shop, "db", "status")
    assert status["kind"] == "sqlite"
    assert status["runs"]["waiting"] == 2
    run(shop, "db", "migrate")
    first = document(shop, "db", "rotate-key")["key_id"]
    assert document(shop, "db", "rotate-key")["key_id"] != first
    assert document(shop, "db", "check")["damaged"] == []
    assert "nothing says how long" in run(shop, "db", "prune", code=2).stderr
    assert document(shop, "db", "prune", "--older-than", "1h", "--yes")["runs"] == 0
    (shop.root / "pyproject.toml").write_text('[tool.flowlang.retention]\nfailed = "0s"\n')
    assert document(shop, "db", "prune", "--dry-run")["by_status"] == {"failed": 1}
    assert "nobody is there to be asked" in run(shop, "db", "prune", code=2).stderr
    assert document(shop, "db", "prune", "--yes")["by_status"] == {"failed": 1}
    assert sorted(statuses(shop)) == ["w1", "w2"]
    (shop.root / "pyproject.toml").write_text('[tool.flowlang.retention]\nfaild = "1d"\n')
    assert "did you mean `failed`?" in run(shop, "db", "prune", code=2).stderr


def test_a_password_is_not_shown():
    """A location is shown without the password that its URL holds."""
    assert shown_location("postgresql://me:secret@db:5432/x?a=b") == "postgresql://me:***@db:5432/x?a=b"
    assert shown_location("postgresql://db/x") == "postgresql://db/x"
    assert "secret" not in Settings(Output(), Path(), "postgresql://me:secret@db/x").command("worker")


def test_shells_complete_ids(shop):
    """The shell is offered the ids that begin with what was typed, and nothing when there is no journal."""

    def offered(typed, folder):
        given = {**environment(), "_FLOWLANG_COMPLETE": "bash_complete", "COMP_WORDS": f"flowlang runs show {typed}",
                 "COMP_CWORD": "3"}  # fmt: skip
        done = subprocess.run(COMMAND, env=given, capture_output=True, text=True, cwd=folder, check=False)
        return done.stdout.split()

    assert offered("w", shop.root) == ["plain,w2", "plain,w1"]
    assert offered("w", os.sep) == []
    assert "_FLOWLANG_COMPLETE" in run(shop, "completion", "zsh").stdout


def test_nothing_is_there_yet(world):
    """Before the first run, lists are empty and everything else says that there are no runs."""
    assert document(world, "runs", "list")["runs"] == []
    assert document(world, "runs", "count")["runs"] == 0
    assert document(world, "gates")["gates"] == []
    run(world, "db", "status")
    for command in (("runs", "cancel", "x"), ("signal", "x", "n"), ("runs", "result", "x"), ("runs", "tree", "x")):
        assert run(world, *command, code=2).stderr.startswith("error[")
    with closing(os.scandir(world.root / ".flowlang")) as entries:
        assert [entry.name for entry in entries] == []


def test_show_says_what_a_run_that_nobody_drives_waits_for(shop):
    """Its time, its turn in a partition, a worker of its queue, or that somebody looks at why it was stopped."""
    for number in (1, 2):
        run(shop, "run", "main.flow:paid", "--id", f"p{number}", "--partition", "x", "--detach")
    assert "its turn in the partition comes after run p1" in run(shop, "runs", "show", "p2").stderr
    run(shop, "run", "main.flow:paid", "--id", "d1", "--delay", "1h", "--detach")
    assert "not before 20" in run(shop, "runs", "show", "d1").stderr
    run(shop, "run", "main.flow:paid", "--id", "q1", "--queue", "slow", "--detach")
    assert "`flowlang worker --queue slow`" in run(shop, "runs", "show", "q1").stderr
    run(shop, "runs", "terminate", "p1", "--reason", "in the way")
    run(shop, "worker", "--once")
    assert statuses(shop)["p2"] == "waiting"
    assert "terminated" in run(shop, "runs", "show", "p1").stdout


def test_a_run_that_kills_its_workers_is_shown_as_such(shop):
    """A quarantined run says why it was stopped and what lets it go on all the same."""
    path = shop.root / ".flowlang" / "flowlang.db"
    run(shop, "signal", "w1", "paid")
    for _ in range(CRASHES_MAX + 1):
        with closing(SqlJournal(path, clock=SystemClock())) as journal:
            owner = journal.new_owner()
            journal.claim_due(owner, limit=1)
            journal.drop_owner(owner)
    shown = run(shop, "runs", "show", "w1")
    assert "stopped by quarantine" in shown.stdout
    assert f"died {CRASHES_MAX} times in a row" in shown.stderr
    run(shop, "runs", "retry", "w1")
    run(shop, "worker", "--once")
    assert statuses(shop)["w1"] == "completed"


def test_a_check_names_runs_whose_rows_cannot_be_read(shop):
    """Lists leave them out, since nothing of them can be shown; a check of all runs must not."""
    with sqlite3.connect(shop.root / ".flowlang" / "flowlang.db") as connection:
        connection.execute("UPDATE run SET due_at_ms = 'never' WHERE run_id = 'w1'")
    connection.close()
    result = shop.command("db", "check", "--output", "json")
    assert result.code == 1
    assert result.document["checked"] == 3
    (damaged,) = result.document["damaged"]
    assert damaged == {"run_id": "w1", "findings": ["the row of run `w1` is not what was written"]}
    shown = shop.command("db", "check")
    assert "w1: the row of run `w1` is not what was written" in shown.stdout
    assert shop.command("db", "check", "w2").code == 0


def test_runs_that_were_stopped_are_stuck(shop):
    """With why, and the command that tells more; not with those whose worker went away."""
    with shop.journal() as journal:
        lease = journal.claim("w1", journal.new_owner())
        journal.append(
            lease, journal.run("w1").sequence, [RunStopped("budget", b"null")], Counters(), RunStatus.STOPPED,
            Effects(reason="budget"),
        )  # fmt: skip
    found = run(shop, "runs", "stuck")
    assert "a budget is used up" in found.stdout
    assert "runs show w1" in found.stderr
    assert "worker --once" not in found.stderr
    (told,) = document(shop, "runs", "stuck")["runs"]
    assert (told["run_id"], told["reason"]) == ("w1", "budget")
    assert document(shop, "runs", "stuck", "--older-than", "1h")["runs"] == []
