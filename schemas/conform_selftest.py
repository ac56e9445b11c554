"""Checks that conform.py lets schemas grow and refuses every other change, on edited copies.

usage: conform_selftest.py FLATC SCHEMAS_DIR
"""
import pathlib
import shutil
import sys
import tempfile

import conform

# What is done, where, the text that is replaced, and by what.
GROWTH = (
    ("nothing", "model.fbs", "slot", "slot"),
    ("a field appended", "name.fbs", "(id: 2);", "(id: 2); later: uint (id: 3);"),
    ("an enumerator appended", "common.fbs", "C128 = 17", "C128 = 17, I128 = 18"),
    ("a comment changed", "alias.fbs", "// Oldest first.", "// In order."),
)
BREAKAGE = (
    ("fields renumbered", "alias.fbs", "major: uint (id: 1);\n  minor: uint (id: 2)",
     "major: uint (id: 2);\n  minor: uint (id: 1)"),
    ("a field retyped", "model.fbs", "size_bytes: ulong (id: 4)", "size_bytes: uint (id: 4)"),
    ("a field made signed", "content.fbs", "page: uint", "page: int"),
    ("the last field removed", "model.fbs", "health: Health (id: 7);", ""),
    ("a field renamed", "model.fbs", "slot: uint (id: 6)", "place: uint (id: 6)"),
    ("a default changed", "model.fbs", "dtype: DType = null", "dtype: DType = U8"),
    ("a field no longer required", "model.fbs", "(id: 0, required)", "(id: 0)"),
    ("a struct's last field removed", "common.fbs", "reserved: uint;", ""),
    ("a struct's field retyped", "common.fbs", "base: ulong;", "base: double;"),
    ("a struct's field appended", "common.fbs", "reserved: uint;", "reserved: uint; more: uint;"),
    ("an array grown", "common.fbs", "[ubyte:16]", "[ubyte:20]"),
    ("an enumerator renumbered", "common.fbs", "Fortran = 1", "Fortran = 2"),
    ("an enumerator removed", "common.fbs", "BF16 = 13,", ""),
    ("an enum widened", "trash.fbs", "TrashReason : ubyte", "TrashReason : ushort"),
    ("another identifier", "model.fbs", '"CNMD"', '"CNMX"'),
    ("another root", "model.fbs", "root_type ModelRecord", "root_type TensorEntry"),
    ("a schema removed", "name.fbs", None, None),
)


def edit(path, before, after):
    if before is None:
        path.unlink()
        return
    text = path.read_text()
    if before not in text:
        raise ValueError(f"{path.name}: expected {before}, found none")
    path.write_text(text.replace(before, after, 1))


def found_after(flatc, schemas, name, before, after):
    with tempfile.TemporaryDirectory() as directory:
        copy = pathlib.Path(directory) / "schemas"
        shutil.copytree(schemas, copy)
        for version in (copy / "released").iterdir():
            for released in version.iterdir():  # as if the schemas of today were the released ones
                released.unlink()
            for current in schemas.glob("*.fbs"):
                shutil.copy(current, version)
        edit(copy / name, before, after)
        return list(conform.violations(flatc, copy))


def main():
    flatc, schemas = sys.argv[1], pathlib.Path(sys.argv[2])
    wrong = []
    for what, name, before, after in GROWTH:
        found = found_after(flatc, schemas, name, before, after)
        if found:
            wrong.append(f"{what}: expected to be let through, found {found[0]}")
    for what, name, before, after in BREAKAGE:
        if not found_after(flatc, schemas, name, before, after):
            wrong.append(f"{what}: expected to be refused, found it let through")
    print("\n".join(wrong) or f"conform: {len(GROWTH)} let through, {len(BREAKAGE)} refused")
    sys.exit(1 if wrong else 0)


main()
