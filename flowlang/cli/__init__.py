"""The command line: commands, options, what is shown and where, exit codes.

    main.py        the tree of commands; each is loaded when it is called, so that `--help` costs next to nothing
    option.py      the options that all commands share, and where their values come from
    output.py      stdout carries data, stderr carries everything else
    driver.py      a run from its start, or from where it was, to an outcome: signals, following, errors
    progress.py    what is shown while a run goes on: lines, or on a terminal a tree (board.py, live.py)
    render.py      failures of runs as text; document.py: everything as JSON
    problem.py     exceptions as problems with a slug, a hint and an exit code
    terminal.py    escaping: nothing that a script or a journal says can control a terminal

Nothing below this package knows of it: it drives the runtime through `Engine` and watches runs through `Hooks`.
"""
