"""Checks that every text file is plain: ASCII, LF line ends, a newline at the end, no blanks at
the end of a line, and no tabs in C++ sources. Test data is left alone.
"""
import tree

SOURCE = (*tree.CPP, ".fbs", ".py", ".sh", ".md", ".build")


def line_violations(path, number, line):
    strange = [byte for byte in line if byte > 0x7E or (byte < 0x20 and byte != 0x09)]
    if strange:
        column = line.index(strange[0]) + 1
        found = f"0x{strange[0]:02x} in column {column}"
        yield path, number, f"character, expected ASCII, found {found}"
    if line != line.rstrip(b" \t\r"):
        yield path, number, "line end, expected no blank before it, found some"
    if b"\t" in line and path.endswith(tree.CPP):
        yield path, number, f"blank, expected spaces, found a tab in column {line.index(9) + 1}"


def violations_in(path, data):
    if b"\0" in data and not path.endswith(SOURCE):
        return  # a binary file
    if data and not data.endswith(b"\n"):
        yield path, data.count(b"\n") + 1, "end of file, expected a newline, found none"
    if data.endswith(b"\n\n"):
        yield path, data.count(b"\n"), "end of file, expected one newline, found an empty line"
    for number, line in enumerate(data.split(b"\n"), 1):
        yield from line_violations(path, number, line)


def main():
    top = tree.root()
    paths = [path for path in tree.files(top) if not path.startswith("tests/data/")]
    violations = []
    for path in paths:
        violations += violations_in(path, (top / path).read_bytes())
    tree.finish(violations, f"ascii: {len(paths)} files")


main()
