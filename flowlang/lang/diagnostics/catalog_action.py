"""Explanations of the kinds of failure that actions have: those of every action, and those of the actions that ship.

A failed action ends the flow that called it; the caller of that flow gets an `Err` whose `kind` is one of these.
"""

from __future__ import annotations

from typing import Final

from flowlang.lang.diagnostics.catalog import Entry

_CALLS: Final = (
    Entry(
        slug="unknown-action",
        title="an action is called that this run does not have",
        explanation="Actions have dotted names. Some ship with flowlang, others are given by the application that "
        "embeds it. `flowlang actions` lists those of a project.",
        wrong='current_flow().actions.sql.select("SELECT 1")\n',
        right='current_flow().actions.sql.query("SELECT 1")\n',
    ),
    Entry(
        slug="action-argument",
        title="an action is called with arguments that do not fit",
        explanation="The arguments of actions are checked against their signature before anything is recorded or "
        "done: their number, their names and their types, those of list elements and dict values included. An int "
        "is welcome where a float is asked for. Besides its own arguments every action takes `timeout`, in seconds.",
        wrong='current_flow().actions.files.write_text("total.txt", 42)\n',
        right='current_flow().actions.files.write_text("total.txt", str(42))\n',
    ),
    Entry(
        slug="action-failed",
        title="the Python function behind an action raised an exception",
        explanation="The message has the exception's type and text. An action that knows what went wrong should raise "
        "an `ActionError` with a kind of its own, so that scripts can tell failures apart.",
        wrong="orders = current_flow().actions.shop.orders(day)\n",
        right="result = flow(implementation = lambda fctx: fctx.actions.shop.orders(day))()\n"
        "orders = result.value if is_ok(result) else []\n",
    ),
    Entry(
        slug="timeout",
        title="something did not end in time",
        explanation="Every action has a timeout, and a call may set another one. The failure is retryable. For "
        "actions that ship with flowlang it also means that nothing was written: a write that has begun its commit "
        "is waited for. Flows may have a timeout, too, and so may every wait: for tasks, signals and decisions. A flow "
        "whose time is over is interrupted where it waits, its tasks are cancelled and its handlers run.",
        wrong="rows = current_flow().actions.sql.query(report, timeout = 0.1)\n",
        right="rows = current_flow().actions.sql.query(report, timeout = 600)\n",
    ),
    Entry(
        slug="cancelled",
        title="a task, a run or an action was told to end",
        explanation="A task ends so when somebody calls `cancel` with it, or when the flow that started it fails; a "
        "run when an operator cancels it. Handlers of `on_exit` run before. An action that was not finished when its "
        "worker stopped is not recorded; it is performed again when the run is resumed, with the same idempotency key.",
        wrong="# Ctrl-C while this waits for the database\nexecute(update)\n",
        right="# flowlang resume RUN\nexecute(update)\n",
    ),
    Entry(
        slug="heartbeat-timeout",
        title="an action gave no sign of life for too long",
        explanation="A long action says with `context.heartbeat(...)` that it is still at work. One that declares a "
        "`heartbeat_timeout` and is silent for longer is given up, and may be tried again; the next attempt gets the "
        "details of the last heartbeat.",
        wrong='fctx.actions.shop.import_orders("huge.csv")\n',
        right='fctx.actions.shop.import_orders("huge.csv", retry = retry_policy(attempts = 3))\n',
    ),
    Entry(
        slug="worker-died",
        title="the process that performed an action ended",
        explanation='Actions with `isolation="process"` are performed in processes of their own. This one crashed, '
        "was killed, or ended itself. Nobody knows how far the action was; it may be tried again.",
        wrong='fctx.actions.shop.render("big.pdf")\n',
        right='fctx.actions.shop.render("big.pdf", retry = retry_policy(attempts = 3))\n',
    ),
    Entry(
        slug="result-not-data",
        title="an action gave something that a journal cannot keep",
        explanation="Results are kept for ever and read on other machines, so they are data: None, bools, numbers, "
        "strings, bytes, lists, tuples, sets, dicts and records of these. Text must be valid Unicode without NUL "
        "characters, which not every database can store.",
        wrong="@action\ndef today() -> Any:\n    return date.today()\n",
        right="@action\ndef today() -> str:\n    return date.today().isoformat()\n",
    ),
    Entry(
        slug="result-too-large",
        title="an action gave more than 16 MiB",
        explanation="Results are kept in the run's journal and read again on every resume. Large data belongs into "
        "files and databases; scripts pass their names, or read them in parts.",
        wrong='rows = read_csv("flights.csv")\n',
        right='each_page("flights.csv", load_rows)\n',
    ),
    Entry(
        slug="executor-exhausted",
        title="stuck actions hold all threads",
        explanation="Python cannot end a thread. An action that ran into its timeout and does not end keeps its "
        "thread; when too many do, nothing more can be performed until the worker is restarted.",
        wrong="@action\ndef fetch(url: str) -> str:\n    return urlopen(url).read().decode()\n",
        right="@action\ndef fetch(context: ActionContext, url: str) -> str:\n"
        "    return urlopen(url, timeout=context.remaining_s()).read().decode()\n",
    ),
)

_FILES: Final = (
    Entry(
        slug="file-not-found",
        title="there is no such file or folder",
        explanation="Paths are relative to the project folder, wherever the command was started. The hint names the "
        "most similar file beside it.",
        wrong='read_text("confg.txt")\n',
        right='read_text("config.txt")\n',
    ),
    Entry(
        slug="path-outside-root",
        title="a path leads out of the project",
        explanation="Scripts may use files below the project folder and other declared folders only. `..` and links "
        "that lead out of them are refused, and so are absolute paths to elsewhere, since a path is often made from "
        "data that came from outside.",
        wrong='read_text("../secrets.txt")\n',
        right='read_text("data/input.txt")\n',
    ),
    Entry(
        slug="not-a-file",
        title="a folder, pipe or device stands where a file is expected",
        explanation="Only regular files are read and written: reading a pipe or a device may wait for ever.",
        wrong='read_text("data")\n',
        right='[read_text("data/" + name) for name in list_files("data", "*.txt")]\n',
    ),
    Entry(
        slug="permission-denied",
        title="the operating system, or flowlang, does not allow it",
        explanation="The user that runs the worker lacks the right, or the path is in `.flowlang/`, which holds the "
        "journals of runs and is out of bounds for scripts.",
        wrong='write_text(".flowlang/note.txt", "x")\n',
        right='write_text("note.txt", "x")\n',
    ),
    Entry(
        slug="disk-full",
        title="no space is left",
        explanation="Nothing was changed: files are written beside their place first, and databases undo what they "
        "could not finish. The failure is retryable.",
        wrong='write_csv("copy.csv", rows)\n',
        right='retry(flow(implementation = lambda fctx: write_csv("copy.csv", rows)))()\n',
    ),
    Entry(
        slug="input-output-error",
        title="the disk or the file system failed",
        explanation="The message has the operating system's reason.",
        wrong='read_text("mounted/report.txt")\n',
        right='retry(flow(implementation = lambda fctx: read_text("mounted/report.txt")))()\n',
    ),
    Entry(
        slug="file-changed",
        title="a file is not what it was a moment ago",
        explanation="Reading a table in pages goes on where the page before ended, so the file must stay as it is: "
        "with another size or time of change, rows would be lost or read twice. Appending at an offset needs a file "
        "that reaches it.",
        wrong='each_page("today.csv", f)  # while another program still writes it\n',
        right='each_page("yesterday.csv", f)\n',
    ),
    Entry(
        slug="not-utf-8",
        title="a file is not UTF-8 text",
        explanation="Text is refused rather than repaired. The message has the first wrong byte and its offset. Files "
        "from Windows programs are often in the encoding cp1252.",
        wrong='read_text("kunden.txt")\n',
        right='read_text("kunden.txt", encoding = "cp1252")\n',
    ),
    Entry(
        slug="wrong-encoding",
        title="a file is not in the encoding that was given",
        explanation="The message has the first byte that cannot be, and its offset.",
        wrong='read_text("names.txt", encoding = "ascii")\n',
        right='read_text("names.txt")\n',
    ),
    Entry(
        slug="csv-malformed",
        title="a file is not the CSV that was expected",
        explanation="The first line names the columns, each once; every record has as many cells. A cell that holds "
        "the delimiter, a quote or a line end stands in double quotes, and quotes in it are doubled. Lines of other "
        "lengths are refused, because guessing would move values into wrong columns.",
        wrong='read_csv("export.csv")  # separated by semicolons\n',
        right='read_csv("export.csv", delimiter = ";")\n',
    ),
    Entry(
        slug="csv-cell",
        title="a cell does not fit the type of its column",
        explanation="When reading, columns named in `types` are converted strictly; `missing` names texts that mean "
        "no value. When writing, cells are strings, numbers, bools or None, in columns that were named.",
        wrong='read_csv("flights.csv", types = {"delay": "int"})  # with cells NA\n',
        right='read_csv("flights.csv", types = {"delay": "int"}, missing = "NA")\n',
    ),
)

_DATABASES: Final = (
    Entry(
        slug="unknown-database",
        title="there is no database of that name",
        explanation="A database is declared under [tool.flowlang.databases] in pyproject.toml, or named by the path "
        "of a SQLite file. `main` is always there.",
        wrong='query("SELECT 1", database = "flights")\n',
        right='query("SELECT 1", database = "data/flights.db")\n',
    ),
    Entry(
        slug="database-not-found",
        title="a query reads from a database that is not there",
        explanation="Reading never makes a database; the first write does.",
        wrong='query("SELECT * FROM flight")\n',
        right='execute("CREATE TABLE IF NOT EXISTS flight (id INTEGER)")\nquery("SELECT * FROM flight")\n',
    ),
    Entry(
        slug="database-locked",
        title="another writer holds the database",
        explanation="SQLite has one writer at a time. Actions wait for it up to five seconds, and less when their "
        "timeout is shorter. Nothing was written, and the failure is retryable.",
        wrong="execute(update)\n",
        right="retry(flow(implementation = lambda fctx: execute(update)))()\n",
    ),
    Entry(
        slug="database-unavailable",
        title="a database server cannot be reached",
        explanation="The server of a database that is no file does not answer, refuses more connections, or ended this "
        "one. A write that was begun when the connection broke is begun again on another and happens once; when the "
        "server stays away for longer than a few seconds, the action fails and may be tried again.",
        wrong='fctx.actions.sql.execute("DELETE FROM note")\n',
        right='fctx.actions.sql.execute("DELETE FROM note", retry = retry_policy(attempts = 10))\n',
    ),
    Entry(
        slug="not-a-database",
        title="a file is no intact SQLite database",
        explanation="It is something else that ends in .db, or it is damaged.",
        wrong='query("SELECT 1", database = "notes.db")\n',
        right='query("SELECT 1", database = "data.db")\n',
    ),
    Entry(
        slug="constraint-violated",
        title="a write breaks a rule of the database",
        explanation="A value is there already, is missing or refers to nothing. The whole transaction was undone.",
        wrong='execute("INSERT INTO flight VALUES (1)")\nexecute("INSERT INTO flight VALUES (1)")\n',
        right='execute("INSERT INTO flight VALUES (1) ON CONFLICT DO NOTHING")\n',
    ),
    Entry(
        slug="sql-error",
        title="the database does not accept a statement",
        explanation="The message is the database's, with the beginning of the statement. An action executes one "
        "statement; several belong into a transaction.",
        wrong='query("SELECT * FORM flight")\n',
        right='query("SELECT * FROM flight")\n',
    ),
    Entry(
        slug="sql-refused",
        title="a statement does what SQL of scripts may not do",
        explanation="Queries change nothing. Statements do not open other files, load extensions, change settings of "
        "the connection or control the transaction (each action is one), nor change the table `_flowlang_effect`, "
        "with which writes happen exactly once.",
        wrong='query("DELETE FROM flight")\n',
        right='execute("DELETE FROM flight")\n',
    ),
    Entry(
        slug="sql-parameter",
        title="a value cannot be a parameter of a statement",
        explanation="Columns hold None, bools, ints, floats, strings and bytes. Other values are stored as text.",
        wrong='execute("INSERT INTO note VALUES (?)", [{"tags": []}])\n',
        right='execute("INSERT INTO note VALUES (?)", [json.encode({"tags": []})])\n',
    ),
)

ENTRIES: Final = (*_CALLS, *_FILES, *_DATABASES)
