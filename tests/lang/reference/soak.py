"""Compares the implementations on programs without end: `python -m reference.soak --seconds 300 --seed 7`.

Programs come from a generator of random numbers instead of hypothesis, which makes many more of them in the same time;
what disagrees is made smaller and printed. Another checkout is tested by putting it first on the path:
`cd tests/lang && PYTHONPATH=/path/of/checkout:. python -m reference.soak`.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from functools import partial
from random import Random

from reference.agreement import Disagreement, assert_agreement, assert_cpython_agrees
from reference.choice import RandomChoices
from reference.containers import Containers
from reference.kernel import Kernels
from reference.observation import analyse
from reference.passing import Passing
from reference.program import FUEL, Programs
from reference.reduction import reduced
from reference.vocabulary import FULL, SHARED, STANDARD, Vocabulary

MODES: dict[str, tuple[type[Programs], Vocabulary, Callable[[str], object]]] = {
    "full": (Programs, FULL, assert_agreement),
    "kernel": (Kernels, FULL, assert_agreement),
    "containers": (Containers, FULL, assert_agreement),
    "passing": (Passing, FULL, assert_agreement),
    "standard": (Kernels, STANDARD, assert_agreement),
    "shared-kernel": (Kernels, SHARED, assert_cpython_agrees),
    "shared": (Programs, SHARED, assert_cpython_agrees),
}


def problem_of(check: Callable[[str], object], text: str) -> str | None:
    """What a check has against a program: how it disagrees, or an exception and its place."""
    try:
        check(text)
    except Disagreement as found:
        return found.summary
    except Exception as error:
        if isinstance(error, AssertionError):
            return str(error).split("\n")[0]
        place = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__} at {place.name}: {place.line}"
    return None


def is_valid(text: str) -> bool:
    """Whether a program gets as far as running."""
    try:
        return not analyse(text)[2]
    except ValueError:
        return False


def shows(check: Callable[[str], object], problem: str, text: str) -> bool:
    """Whether a program gets as far as running, and shows the problem."""
    return is_valid(text) and problem_of(check, text) == problem


def main() -> int:
    """Tries programs until the time is over; the exit code says whether some disagreed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--modes", default=",".join(MODES))
    parser.add_argument("--most", type=int, default=5, help="problems of different kinds to report")
    arguments = parser.parse_args()
    modes = arguments.modes.split(",")
    warnings.simplefilter("ignore", SyntaxWarning)
    end = time.monotonic() + arguments.seconds
    seen: set[str] = set()
    tried = 0
    while time.monotonic() < end and len(seen) < arguments.most:
        mode = modes[tried % len(modes)]
        maker, vocabulary, check = MODES[mode]
        seed = f"{arguments.seed}-{tried}"
        text = maker(RandomChoices(Random(seed), FUEL), vocabulary).program()
        tried += 1
        problem = problem_of(check, text)
        if problem is not None and f"{mode} {problem}" not in seen:
            seen.add(f"{mode} {problem}")
            smaller = reduced(text, partial(shows, check, problem))
            print(f"### {mode}, seed {seed}: {problem}\n{smaller}", flush=True)
    print(f"{tried} programs, {len(seen)} kinds of disagreement")
    return 1 if seen else 0


if __name__ == "__main__":
    sys.exit(main())
