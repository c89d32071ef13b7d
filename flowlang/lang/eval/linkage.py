"""Modules that ran once for several runs, one after the other.

The top levels of modules tell the outside nothing and ask it nothing; they compute the same in every run of the same
code. So what a run leaves behind when it is over, its modules and the meter that their code is bound to, can serve the
next one: its meter is set to where it stood after the top levels had run, so that the run cannot tell, and is counted
exactly as if they had run for it. What modules hold is frozen; the one thing that flows keep of a run, that they were
sealed in it, they keep by that run's mark (`Evaluation.seal`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs

from flowlang.lang.eval.module import Module
from flowlang.lang.values.meter import Mark, Meter

if TYPE_CHECKING:
    from flowlang.lang.eval.evaluation import Evaluation


@attrs.frozen
class Linkage:
    """All modules of an evaluation, their meter, and where it stood before and after their top levels ran."""

    meter: Meter
    before: Mark
    after: Mark
    modules: Mapping[str, Module]

    def lend(self, evaluation: Evaluation) -> None:
        """Gives an evaluation of the same programs, which has not started, these modules. Nobody else may have them
        until it is over. Where it begins otherwise than the first one did, its modules run anew."""
        self.meter.restart(evaluation.meter.budget)
        self.meter.census = evaluation.meter.census
        evaluation.meter = self.meter
        evaluation.linkage = self

    def resume(self, evaluation: Evaluation) -> bool:
        """Goes on after the top levels, if the meter stands where it stood before them. Whether it does."""
        if evaluation.meter is not self.meter or self.meter.mark() != self.before:
            return False
        self.meter.restore(self.after)
        evaluation.modules.update(self.modules)
        return True

    def end(self) -> None:
        """Nobody will have these modules any more. Functions refer to their modules, so they would otherwise wait for
        the garbage collector."""
        for module in self.modules.values():
            module.globals.clear()
