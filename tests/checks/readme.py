"""Checks that the README keeps up with the examples: every C++ block of it stands line by line in a
program of tests/examples, perhaps indented there, and it names every one of those programs.
"""
import re

import tree

PAGE = "README.md"
EXAMPLES = "tests/examples"
BLOCK = re.compile(r"^```(?:cpp|c\+\+|cc)\n(.*?)^```$", re.S | re.M)


def stands_in(quoted, lines):
    """Whether these lines follow one another there, all indented by as much more."""
    for start in range(len(lines) - len(quoted) + 1):
        indent = lines[start][:-len(quoted[0])]
        wanted = [indent + line if line else "" for line in quoted]
        if not indent.strip() and lines[start:start + len(quoted)] == wanted:
            return True
    return False


def violations_in(page, sources):
    for block in BLOCK.finditer(page):
        quoted = block[1].strip("\n").splitlines() or ["an empty block"]
        if not any(stands_in(quoted, text.splitlines()) for text in sources.values()):
            line = page.count("\n", 0, block.start()) + 2
            yield PAGE, line, (f"quoted code, expected it line by line in {EXAMPLES}, "
                               f"found it nowhere: {quoted[0]}")
    for path in sources:
        name = path.rsplit("/", 1)[-1]
        if path.endswith(".cc") and not re.search(rf"\b{re.escape(name)}\b", page):
            yield path, 1, f"an example, expected {PAGE} to name {name}, found it nowhere there"


def main():
    top = tree.root()
    sources = {path: tree.read(top, path) for path in tree.files(top, [EXAMPLES], tree.CPP)}
    page = tree.read(top, PAGE)
    blocks = len(BLOCK.findall(page))
    violations = list(violations_in(page, sources))
    tree.finish(violations, f"readme: {blocks} blocks, {len(sources)} files")


main()
