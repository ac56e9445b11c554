"""A rough reading of C++ for the checks: comments, literals and directives blanked out, and the
braces at namespace and class scope told apart. Every function keeps offsets and line numbers.

It knows clang-formatted code without tricks, not all of C++; where it cannot tell it stays quiet.
"""
import bisect
import re

_TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)
      | (?P<raw>(?:u8|[uUL])?\bR"(?P<tag>[^()\\\s]{0,16})\(.*?\)(?P=tag)")
      | (?P<number>\b\d(?:'?[\w.])*)
      | (?P<literal>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])+')""",
    re.S | re.X,
)
_VISIBLE = re.compile(r"\S")


def _spaces(text):
    return re.sub(r"[^\n]", " ", text)


def without_comments(text, keep_literals=False):
    """Comments and raw strings become spaces; so does what is inside of other literals."""

    def blank(match):
        if match["number"] or (match["literal"] and keep_literals):
            return match[0]
        if match["literal"]:
            return match[0][0] + " " * (len(match[0]) - 2) + match[0][-1]
        return _spaces(match[0])

    return _TOKEN.sub(blank, text)


def code(text):
    """As without_comments; directives, and all but the first branch of an #if, are blank too."""
    lines, skipping, continued = [], [], False
    for line in without_comments(text).split("\n"):
        directive = re.match(r"\s*#\s*(\w*)", line)
        if directive and not continued:
            word = directive[1]
            if word.startswith("if"):
                skipping.append(False)
            elif word.startswith("el") and skipping:
                skipping[-1] = True
            elif word == "endif" and skipping:
                skipping.pop()
        hidden = directive or continued or any(skipping)
        continued = bool(directive or continued) and line.endswith("\\")
        lines.append(_spaces(line) if hidden else line)
    return "\n".join(lines)


class Lines:
    """Offsets to line numbers, counted from 1."""

    def __init__(self, text):
        self._ends = [m.start() for m in re.finditer("\n", text)]

    def at(self, offset):
        return bisect.bisect_left(self._ends, offset) + 1


def closing(text, start):
    """The offset of the bracket that closes the one at start, or the text's end."""
    pairs = {"{": "}", "(": ")", "<": ">", "[": "]"}
    opening, end, depth = text[start], pairs[text[start]], 0
    for match in re.compile("[" + re.escape(opening + end) + "]").finditer(text, start):
        if opening == "<" and text[match.start() - 1] in "-=":  # -> and =>
            continue
        depth += 1 if match[0] == opening else -1
        if depth == 0:
            return match.start()
    return len(text)


def without_templates(head):
    """A declaration's head without attributes, alignas and leading template parameter lists."""
    head = re.sub(r"\[\[.*?\]\]|\balignas\s*\([^)]*\)|__attribute__\s*\(\(.*?\)\)", " ", head,
                  flags=re.S)
    while match := re.search(r"\btemplate\s*<", head):
        head = head[:match.start()] + " " + head[closing(head, match.end() - 1) + 1:]
    return head.strip()


def _kind(head, after):
    """What the brace after this head opens: a scope, a function, or something else."""
    head = without_templates(head)
    if re.match(r'(inline\s+)?namespace\b|extern\s*"\s*"$|(DOCTEST_)?TEST_SUITE\w*\s*\(', head):
        return "scope"
    if re.search(r"\n\s*(inline\s+)?(namespace|class|struct|union)\b[^()=;]*$", head):
        return "scope"  # after a macro on a line of its own
    class_head = re.match(r"(?:(?:typedef|static|inline|constexpr|const|friend)\s+)*"
                          r"(class|struct|union|enum)\b([^:]*)", head)
    if class_head and "(" not in class_head[2] and "=" not in class_head[2]:
        return "other" if class_head[1] == "enum" else "scope"
    if re.search(r"=\s*\[[^\]]*\]", head):
        return "function"  # a lambda with a name
    if head.endswith("=") or after in (",", "{", ";", ")") or "(" not in head:
        return "other"  # an initialiser, a member's initialiser, a requires expression
    return "function"


def blocks(text):
    """Yields (kind, start of the declaration, open brace, close brace) for code(text).

    kind is "scope" (namespace, class), "function", or "other"; what is inside of functions and
    others is not looked at.
    """
    start, position, depth = None, 0, 0
    while position < len(text):
        char = text[position]
        if char == "{":
            close = closing(text, position)
            after = _VISIBLE.search(text, close + 1)
            head = text[position if start is None else start:position]
            kind = "other" if depth else _kind(head, after[0] if after else "")
            yield kind, position if start is None else start, position, close
            if kind == "scope":
                start = None
            else:
                start = None if kind == "function" else start
                position = close
        elif char == "}" or (char == ";" and depth == 0):
            start, depth = None, 0
        elif char == ":" and start is not None and re.fullmatch(
                r"(public|private|protected)\s*", text[start:position]):
            start = None
        elif char in "()":
            depth = max(0, depth + (1 if char == "(" else -1))
        if start is None and not char.isspace() and char not in ";{}:":
            start = position
        position += 1


def declarations(text):
    """code(text) with the bodies of functions, and initialisers with their braces, blanked."""
    out = code(text)
    for kind, _, opening, end in list(blocks(out)):
        if kind == "function":
            out = out[:opening + 1] + _spaces(out[opening + 1:end]) + out[end:]
        elif kind == "other":
            out = out[:opening] + _spaces(out[opening:end + 1]) + out[end + 1:]
    return out
