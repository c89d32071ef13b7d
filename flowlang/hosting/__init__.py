"""Durable runs inside an application: an engine that starts runs, drives them, and tells what they came to.

The application's side is asyncio (`Engine`) or blocking (`blocking.Engine`); neither drives anything itself. A worker
has a thread of its own, and so has the watch for what ended, so an application that is busy or goes away keeps no run
from going on, and cancelling whoever waits for a run never cancels the run.
"""
