"""Where a project's journal is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from flowlang.errors import JournalUnavailable, UsageError
from flowlang.runtime.clock import SystemClock
from flowlang.runtime.journal.locate import journal_url, open_journal, project_root
from flowlang.runtime.journal.memory import MemoryJournal


@pytest.fixture
def below(tmp_path: Path) -> Path:
    directory = tmp_path / "a" / "b" / "c"
    directory.mkdir(parents=True)
    return directory


@pytest.mark.parametrize("marker", ["settings", "journal", "git", "worktree"])
def test_the_nearest_marked_directory_is_the_root(tmp_path: Path, below: Path, marker: str) -> None:
    (tmp_path / ".git").mkdir()
    root = tmp_path / "a"
    if marker == "settings":
        (root / "pyproject.toml").write_text("[tool.flowlang]\n")
    elif marker == "journal":
        (root / ".flowlang").mkdir()
    elif marker == "git":
        (root / ".git").mkdir()
    else:
        (root / ".git").write_text("gitdir: elsewhere\n")
    assert project_root(below) == root
    assert project_root(root) == root
    assert project_root(tmp_path) == tmp_path


def test_other_files_do_not_mark_a_root(tmp_path: Path, below: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "a" / "pyproject.toml").write_text('[project]\nname = "flowlang-user"\n')
    (tmp_path / "a" / "b" / ".flowlang").write_text("a file")
    (below / "pyproject.toml").mkdir()
    assert project_root(below) == tmp_path


def test_without_marks_the_directory_itself_is_the_root(below: Path) -> None:
    if project_root(below.parents[2]) != below.parents[2]:
        pytest.skip("the temporary directory lies in a project")
    assert project_root(below) == below


def test_urls_of_servers_are_taken_as_they_are(tmp_path: Path) -> None:
    url = "postgresql://user@host:5433/name?schema=flows"
    assert journal_url(tmp_path, url, {}) == url
    assert journal_url(tmp_path, None, {"FLOWLANG_DATABASE": url}) == url
    (tmp_path / "pyproject.toml").write_text(f'[tool.flowlang]\ndatabase = "{url}"\n')
    assert journal_url(tmp_path, None, {}) == url


@pytest.mark.parametrize("text", ["[tool.flowlang", "tool = 1 # flowlang", "# flowlang \udcff"])
def test_settings_that_cannot_be_read_are_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UsageError, match=r"pyproject\.toml` cannot be read") as caught:
        project_root(tmp_path)
    assert caught.value.hint


def test_options_win_over_variables_over_settings(tmp_path: Path, below: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(below)
    environment = {"FLOWLANG_DATABASE": "variable.db", "OTHER": "x"}
    assert journal_url(tmp_path, None, {}) == str(tmp_path / ".flowlang" / "flowlang.db")
    (tmp_path / "pyproject.toml").write_text('[tool.flowlang]\ndatabase = "data/settings.db"\n')
    assert journal_url(tmp_path, None, {"FLOWLANG_DATABASE": ""}) == str(tmp_path / "data" / "settings.db")
    assert journal_url(tmp_path, None, environment) == str(below / "variable.db")
    assert journal_url(tmp_path, "option.db", environment) == str(below / "option.db")
    assert journal_url(tmp_path, "/x/option.db", environment) == "/x/option.db"
    assert journal_url(tmp_path, "sqlite:///x.db", environment) == "sqlite:///x.db"
    assert journal_url(tmp_path, "memory:", environment) == "memory:"


@pytest.mark.parametrize("value", ["1", '""', '["x"]'])
def test_a_database_setting_must_be_a_text(tmp_path: Path, value: str) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[tool.flowlang]\ndatabase = {value}\n")
    with pytest.raises(UsageError, match="must be a text"):
        journal_url(tmp_path, None, {})


def test_opening_makes_the_journal_only_when_asked(tmp_path: Path) -> None:
    url = journal_url(tmp_path, None, {})
    with pytest.raises(JournalUnavailable):
        open_journal(url, SystemClock(), create=False)
    assert list(tmp_path.iterdir()) == []
    open_journal(url, SystemClock()).close()
    reopened = open_journal(url, SystemClock(), create=False)
    assert reopened.runs() == []
    reopened.close()
    assert isinstance(open_journal("memory:", SystemClock()), MemoryJournal)


def test_finding_and_memory_do_not_import_the_database_libraries() -> None:
    program = (
        "import sys, pathlib\n"
        "from flowlang.runtime.clock import SystemClock\n"
        "from flowlang.runtime.journal import canonical_form, chain, codec, locate, memory\n"
        "import flowlang.testing.clock, flowlang.testing.crash\n"
        "locate.open_journal('memory:', SystemClock()).close()\n"
        "locate.journal_url(locate.project_root(pathlib.Path('.')), None, {})\n"
        "print(sorted({'sqlalchemy', 'sqlite3'} & set(sys.modules)))\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert result.stdout == "[]\n"
