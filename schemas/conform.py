"""Checks that the schemas still read what was written by every released format.

usage: conform.py FLATC SCHEMAS_DIR

For each SCHEMAS_DIR/released/vN/X.fbs, X.fbs must exist and
  1. pass `flatc --conform`, which finds fields that were renumbered, retyped or got another
     default, and enumerators with another value;
  2. keep what flatc does not look at: every field and enumerator, structs as they are, `required`,
     the root type and the file identifier.
"""
import pathlib
import re
import subprocess
import sys

DECLARATION = re.compile(r"\b(table|struct|enum)\s+(\w+)\s*(?::\s*(\w+)\s*)?\{(.*?)\}", re.S)
GLOBAL = re.compile(r"\b(root_type|file_identifier|namespace)\s+([^;]+);")


def without_space(text):
    return re.sub(r"\s+", "", text)


def declarations(text):
    """{(kind, name): [member, ...]} of a schema, and its root type, identifier and namespace."""
    text = re.sub(r"//[^\n]*", "", text)
    found = {}
    for kind, name, base, body in DECLARATION.findall(text):
        separator = "," if kind == "enum" else ";"
        members = [without_space(member) for member in body.split(separator) if member.strip()]
        found[kind, name] = ([base] if kind == "enum" else []) + members
    for kind, value in GLOBAL.findall(text):
        found[kind, ""] = [without_space(value)]
    return found


def lost(released, current):
    """What the current declarations have lost of the released ones, as text."""
    for (kind, name), members in released.items():
        what = f"{kind} {name}".strip()
        if (kind, name) not in current:
            yield f"{what}: expected to be kept, found none"
            continue
        now = current[kind, name]
        if kind == "struct" and now != members:
            yield f"{what}: expected {'; '.join(members)}, found {'; '.join(now)}"
            continue
        for member in members:
            if member not in now:
                yield f"{what}: expected {member}, found {'; '.join(now)}"


def conform(flatc, current, released):
    """What `flatc --conform` says against the current schema, or None."""
    command = [flatc, "-I", current.parent, "--conform", released, "--conform-includes",
               released.parent, current]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return None
    return " ".join((done.stdout + done.stderr).split()) or f"flatc: exit {done.returncode}"


def violations(flatc, schemas):
    released_schemas = sorted(schemas.glob("released/v*/*.fbs"))
    if not released_schemas:
        yield f"{schemas}/released: expected schemas, found none"
    for released in released_schemas:
        current = schemas / released.name
        if not current.exists():
            yield f"{current}: expected to be kept, found none"
            continue
        refused = conform(flatc, current, released)
        if refused:
            yield f"{current}: against {released.parent.name}: {refused}"
        for text in lost(declarations(released.read_text()), declarations(current.read_text())):
            yield f"{current}: against {released.parent.name}: {text}"


def main():
    found = list(violations(sys.argv[1], pathlib.Path(sys.argv[2])))
    print("\n".join(found) or "conform: every released schema is kept")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
