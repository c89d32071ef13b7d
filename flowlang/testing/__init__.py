"""For people who test flows, hosts and flowlang itself.

`clock.py` is time that tests move, `crash.py` a journal that kills its process at a chosen write, and `ledger.py` a
record of what actions really did, kept outside of the journal.
"""
