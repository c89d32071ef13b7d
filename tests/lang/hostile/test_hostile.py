"""Runs `cases/*.flow`: scripts that attack the sandbox, and harmless ones that look like it.

Each file runs in a child process under limits of the operating system (`hostile_run.py`). A script must end in the
way that it names; with no word of the host in what it is told; in a time in proportion to the steps that were counted;
and before the process has grown far beyond the memory that the budget allows.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from chunk_file import Chunk, read_chunks

FOLDER = Path(__file__).parent
FILES = sorted((FOLDER / "cases").glob("*.flow"))
CHUNKS = {path.stem: {chunk.name: chunk for chunk in read_chunks(path)} for path in FILES}
WALL_SECONDS = 240
HOSTILE_MIN = 500
HARMLESS_MIN = 200
HOST_WORDS = re.compile(
    r"\bobject\b|Traceback|\bat 0x|<class|\.py\b|\bpython\b|'(?:str|NoneType|List|Dict|HeldList)'|"
    r"[$&@]\w|%[a-z]\d|%(?:lambda|comprehension|module)|!__|\bHeld(?:List|Dict|Set)\b|recursion depth",
    re.IGNORECASE,
)
TEXT_LENGTH_MAX = 600
STEP_SECONDS = 8e-6
BASE_SECONDS = 4.0
COMPILATION = ("source", "parser", "harmless_source")
"""The files whose scripts take their time before the first step."""
BASE_GROWTH = 48 << 20


def run_file(stem: str, seed: str) -> subprocess.CompletedProcess[str]:
    """Runs all scripts of a file in a child process."""
    command = [sys.executable, str(FOLDER / "hostile_run.py"), str(FOLDER / "cases" / f"{stem}.flow")]
    environment = {"PYTHONHASHSEED": seed, "PYTHONPATH": str(FOLDER.parents[2])}
    return subprocess.run(command, capture_output=True, text=True, timeout=WALL_SECONDS, check=False, env=environment)


@cache
def results(stem: str) -> dict[str, dict[str, Any]]:
    """What became of the scripts of a file."""
    done = run_file(stem, seed="0")
    if done.returncode or done.stderr:
        pytest.fail(f"the runner ended with {done.returncode}: {done.stderr[-2000:]}")
    told = [json.loads(line) for line in done.stdout.splitlines()]
    return {found.pop("name"): found for found in told}


def complaints(chunk: Chunk, found: dict[str, Any], stem: str) -> list[str]:
    """What is wrong with the end of a script."""
    problems = []
    if found["end"] not in chunk.ends:
        problems.append(f"ended with {found['end']} {found['texts'][:3]}, not {'|'.join(chunk.ends)}")
    for text in found["texts"]:
        word = HOST_WORDS.search(text)
        if word is not None and word[0] not in chunk.text and found["end"] != "error":
            problems.append(f"speaks of the host: {text}")
        if len(text) > TEXT_LENGTH_MAX and found["end"] != "error":
            problems.append(f"a text of {len(text)} characters: {text[:100]}")
    allowed = BASE_SECONDS + STEP_SECONDS * found.get("steps", 0)
    if stem not in COMPILATION and found["seconds"] > allowed:
        problems.append(f"took {found['seconds']:.1f} s for {found.get('steps')} steps")
    if stem not in COMPILATION and found["growth"] > 2 * chunk.number("memory", 100 << 20) + BASE_GROWTH:
        problems.append(f"the process grew by {found['growth'] >> 20} MB")
    return problems


@pytest.mark.parametrize("stem", CHUNKS)
def test_scripts_end_as_they_should(stem: str) -> None:
    found = results(stem)
    assert found.keys() == CHUNKS[stem].keys()
    problems = {name: complaints(chunk, found[name], stem) for name, chunk in CHUNKS[stem].items()}
    assert {name: what for name, what in problems.items() if what} == {}


def test_there_are_enough_scripts() -> None:
    chunks = [chunk for file in CHUNKS.values() for chunk in file.values()]
    harmless = [chunk for chunk in chunks if chunk.ends == ("ok",)]
    assert len(harmless) >= HARMLESS_MIN
    assert len(chunks) - len(harmless) >= HOSTILE_MIN


def test_steps_and_texts_do_not_depend_on_hashes() -> None:
    """The same scripts under other hash seeds: the same ends, steps and lines."""
    seen = []
    for seed in ("1", "77"):
        told = []
        for stem in ("harmless", "ends", "args"):
            told += [json.loads(line) for line in run_file(stem, seed).stdout.splitlines()]
        seen.append([{key: value for key, value in each.items() if key not in ("seconds", "growth")} for each in told])
    assert seen[0] == seen[1]
