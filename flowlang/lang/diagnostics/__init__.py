"""What flowlang tells an author: the model, the explanations, the renderings.

Every stage makes `Diagnostic` values (diagnostic.py), perhaps with the help of `suggest.py`; nothing but a renderer
turns them into text (`frame.py` for people, `formats.py` for programs). `catalog.py` explains each slug at length.
"""
