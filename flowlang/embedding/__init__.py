"""Embedding: evaluating scripts inside of a host, without journal and actions.

`flowlang` itself exports what hosts need; the modules here are how it works:

    Interpreter ── load ──> Module ── call ──> Instance (one at a time per instance) ──> Evaluation
                                 pool of instances

An instance is a module that has run, with its values, its meter and everything it loads. Values of scripts are bound
to one meter, so an instance serves one call at a time; calls that overlap in time, on other threads, each get an
instance of their own, which costs running the top level once more. Instances go back to the pool after the call.
"""
