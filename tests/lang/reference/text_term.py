"""Generated expressions about text: strings with their methods and formats, and bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reference.term import Names, Terms

PLAIN_METHODS = ("upper", "strip", "title", "lower", "capitalize", "lstrip", "rstrip")
CUTTING_METHODS = ("removeprefix", "removesuffix", "strip", "lstrip", "rstrip")
SEARCHES = ("find", "rfind", "count", "index", "rindex")
QUESTIONS = ("isalnum", "isalpha", "isdigit", "islower", "isspace", "istitle", "isupper")
SEPARATORS = ('"a"', '" "', '"b"')


def str_term(terms: Terms, names: Names, depth: int) -> str:
    """A string."""
    choices, sub = terms.choices, terms.expression
    is_shared = terms.vocabulary.is_shared
    match choices.below(10):
        case 0 | 1:
            return terms.operation("str", ["+"], names, depth)
        case 2:
            if is_shared:
                # Not `str`: the names' kinds are guesses, and only numbers look alike in both languages.
                return f"('%d' % {sub('int', names, depth)})"
            return f"{choices.pick(('str', 'repr'))}({sub(terms.kind(), names, depth)})"
        case 3:
            return f"{sub('str', names, depth)}[{terms.slice(names)}]"
        case 4:
            return f"({sub('str', names, depth)}).{choices.pick(PLAIN_METHODS)}()"
        case 5:
            return f"({sub('str', names, depth)} * {choices.between(0, 3)})"
        case 6:
            return f"({sub('str', names, 0)}).join({sub('strings', names, depth)})"
        case 7:
            return f"({sub('str', names, depth)}).{choices.pick(CUTTING_METHODS)}({sub('str', names, 0)})"
        case 8:
            old, new = sub("str", names, 0), sub("str", names, depth)
            return f"({sub('str', names, depth)}).replace({old}, {new})"
        case _:
            if is_shared:
                return f"({sub('str', names, depth)}).partition({choices.pick(SEPARATORS)})[{choices.below(3)}]"
            return _formatted(terms, names, depth)


def _formatted(terms: Terms, names: Names, depth: int) -> str:
    """A format, which fits its arguments as a rule."""
    choices, sub = terms.choices, terms.expression
    first, second = sub(terms.kind(), names, depth), sub(terms.kind(), names, depth)
    number = sub("int", names, depth)
    return choices.pick((
        f'("%s-%r" % ({first}, {second}))', f'("%d|%x" % ({number}, {number}))', f'("%s" % {sub("str", names, depth)})',
        f'("%s" % ({first},))', f'"{{}} {{!r}}".format({first}, {second})', f'"{{1}}{{0}}".format({first}, {second})',
        f'"{{a}}{{b}}".format(b = {first}, a = {second})', f'("%g %e" % ({sub("float", names, depth)}, {number}))',
        f'("%(k)s" % {{"k": {first}}})', f'type({first})', f'("%d%%" % {first})', f'"{{}}{{}}".format({number})',
    ))  # fmt: skip


def strings_term(terms: Terms, names: Names, depth: int) -> str:
    """A list of strings."""
    choices, sub = terms.choices, terms.expression
    is_shared = terms.vocabulary.is_shared
    match choices.below(6):
        case 0:
            return f"[{', '.join(sub('str', names, depth) for _ in range(choices.between(0, 3)))}]"
        case 1:
            return terms.comprehension("str", names, depth)
        case 2:
            return f"({sub('str', names, depth)}).split({choices.pick(SEPARATORS)})"
        case 3:
            method = choices.pick(("split()", "splitlines()", "split(' ', 1)", "rsplit('a', 1)"))
            return f"({sub('str', names, depth)}).{method}"
        case 4 if not is_shared:
            return f"list(({sub('str', names, depth)}).{choices.pick(('elems', 'codepoints'))}())"
        case _:
            return terms.operation("strings", ["+"], names, depth)


def search_term(terms: Terms, names: Names, depth: int) -> str:
    """An int that says where or how often a text is in another."""
    choices, sub = terms.choices, terms.expression
    if terms.vocabulary.is_shared:
        return f"({sub('str', names, depth)}).{choices.pick(SEARCHES[:2])}({sub('str', names, 0)})"
    bounds = "".join(f", {sub('int', names, 0)}" for _ in range(choices.between(0, 2)))
    return choices.pick((
        f"({sub('str', names, depth)}).{choices.pick((*SEARCHES[:3], *SEARCHES))}({sub('str', names, 0)}{bounds})",
        f"int({sub(choices.pick(('int', 'bool', 'float', 'int')), names, depth)})",
        f"ord({sub('str', names, depth)}[:1] or 'a')", f"hash({sub('str', names, depth)})",
        f"({sub('bytes', names, depth)} or b'x')[0]", f"len({sub('range', names, depth)})",
    ))  # fmt: skip


def question_term(terms: Terms, names: Names, depth: int) -> str:
    """A bool about a string."""
    choices, sub = terms.choices, terms.expression
    if choices.chance(40):
        return f"({sub('str', names, depth)}).{choices.pick(QUESTIONS)}()"
    parts = sub("str", names, 0)
    if not terms.vocabulary.is_shared and choices.chance(20):
        parts = f"({parts}, {sub('str', names, 0)}), {sub('int', names, 0)}"
    return f"({sub('str', names, depth)}).{choices.pick(('startswith', 'endswith'))}({parts})"


def bytes_term(terms: Terms, names: Names, depth: int) -> str:
    """Bytes."""
    choices, sub = terms.choices, terms.expression
    return choices.pick((
        f"bytes({sub('str', names, depth)})", f"({sub('bytes', names, depth)} + {sub('bytes', names, 0)})",
        f"{sub('bytes', names, depth)}[{terms.slice(names)}]", f"({sub('bytes', names, 0)} * {choices.between(0, 3)})",
        f"bytes({sub('list', names, depth)})",
    ))  # fmt: skip
