"""Actions that processes of their own can find."""

from __future__ import annotations

import os
import signal

from flowlang.runtime.action import ActionContext, Retry, action


@action(isolation="process", retry=Retry(attempts=2, backoff="none"))
def fragile(context: ActionContext, values: list[int]) -> list[int]:
    """Kills its process at the first attempt, after a sign of life."""
    if context.attempt == 1:
        context.heartbeat(values[:1])
        os.kill(os.getpid(), signal.SIGKILL)
    return [*context.last_heartbeat, os.getpid()]
