"""D1: death at every write. For each write of a workload, a process dies just before it, one just after it, and some
at random moments inside of it."""

from __future__ import annotations

import time
from collections import Counter
from random import Random

import attrs
from trial import Crash, Setting, Trial, undisturbed


@attrs.define
class Report:
    """What an experiment found. `trials` of it, `faults` that came about, the `worst_s` that one trial took,
    and how long all of them did (`took_s`), in CPU time of this program `cpu_s`; `points`: at which operations of the
    store it struck."""

    name: str
    trials: int = 0
    faults: int = 0
    worst_s: float = 0.0
    took_s: float = 0.0
    cpu_s: float = 0.0
    problems: list[str] = attrs.field(factory=list)
    points: Counter[str] = attrs.field(factory=Counter)

    def add(self, faults: int, took_s: float, problems: list[str]) -> None:
        """Counts one more trial."""
        self.trials += 1
        self.faults += faults
        self.worst_s = max(self.worst_s, took_s)
        self.problems += problems


def kill_at_writes(setting: Setting, report: Report, random: Random, trials: int) -> None:
    """Each write, before and after it, and inside of random ones until there were `trials`; a random choice of all
    that when it is more."""
    report.problems += undisturbed(setting)
    writes = range(1, len(setting.points) + 1)
    choices = [Crash(write, moment) for write in writes for moment in ("before", "after")]  # type: ignore[arg-type]
    choices += [_inside(setting, random) for _ in range(max(len(choices) // 4, trials - len(choices)))]
    for number, crash in enumerate(random.sample(choices, trials)):
        began = time.monotonic()
        trial = Trial(setting, f"{report.trials}-{number}")
        trial.crash(crash)
        problems = trial.judge(f"{setting.workload.name} killed at write {crash.write} of {len(writes)}: {crash}")
        report.add(trial.crashes, time.monotonic() - began, problems)
        if trial.crashes:
            report.points[f"{crash.moment} {setting.points[crash.write - 1]}"] += 1


def _inside(setting: Setting, random: Random) -> Crash:
    write = random.randint(1, len(setting.points))
    return Crash(write, "inside", delay_s=random.uniform(0.0, setting.took_s[write - 1]))


def kill_during_recovery(setting: Setting, report: Report, random: Random, trials: int, again: int = 3) -> None:
    """Dies at some write, and once more at one of the next `again` writes of the recovery, before or after it."""
    if setting.expected is None:
        report.problems += undisturbed(setting)
    for number in range(trials):
        began = time.monotonic()
        trial = Trial(setting, f"twice-{report.trials}-{number}")
        first, second = random.randint(1, len(setting.points)), random.randint(1, again)
        moments = random.choice(("before", "after")), random.choice(("before", "after"))
        trial.crash(Crash(first, moments[0]))
        trial.crash(Crash(second, moments[1]))
        title = f"{setting.workload.name} killed {moments[0]} write {first}, then {moments[1]} write {second}"
        report.add(trial.crashes, time.monotonic() - began, trial.judge(title))


def kill_at_random(setting: Setting, report: Report, random: Random, trials: int) -> None:
    """Is killed from outside at a random moment, up to three times in a row."""
    if setting.expected is None:
        report.problems += undisturbed(setting)
    for number in range(trials):
        began = time.monotonic()
        trial = Trial(setting, f"random-{report.trials}-{number}")
        for _ in range(3):
            if not trial.crash(Crash(after_s=random.uniform(0.0, 0.08))).killed:
                break
        title = f"{setting.workload.name} killed {trial.crashes} times at random"
        report.add(trial.crashes, time.monotonic() - began, trial.judge(title))
