"""Checks what keeps files readable: at most 400 lines a file (tests 600) and 80 a function, a
comment first that says what the file is for, #pragma once in headers, no `using namespace`.
"""
import re

import cpp
import tree

FILE_LINES = 400
TEST_FILE_LINES = 600
FUNCTION_LINES = 80


def limit_of(path):
    is_test = path.startswith("tests/") and not path.startswith("tests/checks/")
    return TEST_FILE_LINES if is_test else FILE_LINES


def first_comment(path, text):
    """Whether the file starts with a comment, after #! where it is a script."""
    text = re.sub(r"\A#!.*\n", "", text).lstrip("\n")
    if path.endswith((*tree.CPP, ".fbs")):
        return text.startswith(("//", "/*"))
    return text.startswith(("#", '"""')) and not text.startswith("#!")


def file_violations(path, text):
    lines, limit = len(text.splitlines()), limit_of(path)
    if lines > limit:
        yield path, limit + 1, f"long file, expected at most {limit} lines, found {lines}"
    if not first_comment(path, text):
        found = text.splitlines()[0] if text else "an empty file"
        yield path, 1, f"no purpose given, expected a comment first, found {found}"


def cpp_violations(path, text):
    code = cpp.code(text)
    at = cpp.Lines(text).at
    if path.endswith(".h") and not re.search(r"^#pragma once$", text, re.M):
        yield path, 1, "unguarded header, expected #pragma once, found none"
    for match in re.finditer(r"\busing\s+namespace\s+[\w:]+", code):
        yield path, at(match.start()), f"using-directive, expected none, found {match[0]}"
    for kind, start, _, close in cpp.blocks(code):
        lines = at(close) - at(start) + 1
        if kind == "function" and lines > FUNCTION_LINES:
            head = " ".join(text[start:start + 60].split("{")[0].split())
            yield path, at(start), (f"long function, expected at most {FUNCTION_LINES} lines, "
                                    f"found {lines} ({head})")


def main():
    top = tree.root()
    violations, looked_at = [], 0
    for path in tree.files(top):
        source = path.endswith((*tree.CPP, ".fbs", ".py"))
        if path.startswith("tests/data/") or not (source or tree.is_script(top, path)):
            continue
        looked_at += 1
        text = tree.read(top, path)
        violations += file_violations(path, text)
        if path.endswith(tree.CPP):
            violations += cpp_violations(path, text)
    tree.finish(violations, f"sizes: {looked_at} files")


main()
