"""The debugger of recorded runs: any moment of a run, again, with nothing performed.

`Session` is what front ends use. Below it, `course.py` runs one evaluation in a thread of its own and pauses it,
`timeline.py` knows which event belongs to what the script does, `stack.py` reads frames, `expression.py` evaluates
expressions in them. Nothing of this is in the way of runs that are not debugged.
"""
