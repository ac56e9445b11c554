"""Checks that the top level holds only what belongs there: a newcomer sees five names."""
import tree

DIRECTORIES = ("lib", "schemas", "tools", "tests")
FILES = ("meson.build", "README.md", "LICENSE")


def allowed(name, is_directory):
    if name.startswith("."):
        return True
    if is_directory:
        return name in DIRECTORIES or name.startswith("build")
    return name in FILES


def main():
    top = tree.root()
    names = {path.split("/")[0]: "/" in path for path in tree.files(top)}
    expected = " ".join(DIRECTORIES + FILES)
    violations = [(name, 1, f"top level, expected only {expected}, found {name}")
                  for name, is_directory in names.items() if not allowed(name, is_directory)]
    tree.finish(violations, f"toplevel: {len(names)} names")


main()
