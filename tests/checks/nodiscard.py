"""Checks that every function of lib/ that returns Result<...> is itself [[nodiscard]]: compilers
ignore the attribute on an alias. The declaration counts; a definition outside of its class, a
friend declared elsewhere, a type or a variable does not.
"""
import re

import cpp
import tree

RESULT = re.compile(r"\b(?:::\s*)?(?:cairn\s*::\s*)?Result\s*<")
# After the type: references, macros, then a name that is called. No name with `::`.
NAME = re.compile(r"\s*[&*]*\s*(?:[A-Z_]+\s+)*"
                  r"(operator\s*(?:\(\s*\)|\w+|[^\s\w(]+)|[A-Za-z_]\w*)\s*\(")
NODISCARD = re.compile(r"\[\[[^\]]*\bnodiscard\b")


def head_before(text, offset):
    """The declaration that offset is in, from its start to there."""
    start = max(text.rfind(char, 0, offset) for char in ";{}") + 1
    return re.sub(r"^\s*((public|private|protected)\s*:(?!:)\s*)+", "", text[start:offset])


def outside_parentheses(head):
    """The head without what stands in parentheses; None where it ends inside of some."""
    while match := re.search(r"\(", head):
        end = cpp.closing(head, match.start())
        if end == len(head):
            return None
        head = head[:match.start()] + head[end + 1:]
    return head


def function_at(text, match):
    """The name of the function that returns the Result at match, or None."""
    end = cpp.closing(text, match.end() - 1)
    head = head_before(text, match.start())
    bare = cpp.without_templates(head)
    outer = outside_parentheses(bare)
    if outer is None or re.search(r"\b(using|typedef)\b|=", outer):
        return None
    if bare.endswith("->"):  # auto f(...) -> Result<T>
        name = re.search(r"\bauto\s+(operator\s*\S+?|[\w:]+)\s*\(", bare)
        return name[1] if name and "::" not in name[1] else None
    name = NAME.match(text, end + 1)
    if not name:
        return None
    after = re.compile("[;{]").search(text, cpp.closing(text, name.end() - 1))
    if re.search(r"\bfriend\b", outer) and after and after[0] == ";":
        return None
    return name[1]


def violations_in(path, text):
    declarations = cpp.declarations(text)
    at = cpp.Lines(text).at
    for match in RESULT.finditer(declarations):
        name = function_at(declarations, match)
        if name and not NODISCARD.search(head_before(declarations, match.start())):
            yield path, at(match.start()), (f"function {name} returns a Result, expected "
                                            "[[nodiscard]] on it, found none")


def main():
    top = tree.root()
    paths = tree.files(top, under=["lib"], suffixes=[".h"])
    violations = []
    for path in paths:
        violations += violations_in(path, tree.read(top, path))
    tree.finish(violations, f"nodiscard: {len(paths)} headers")


main()
