r"""File names as diffs write them: C-quoted, prefixed with `a/` and `b/`, or followed by a time stamp.

Each function takes text and gives clean paths (see `text.shown`); what can't be read is a ValueError.
"""

from __future__ import annotations

import os.path
import re

from fanfold.sources.text import is_inside, real, shown

DEV_NULL = "/dev/null"

_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(r'\\(?:([0-3][0-7]{2})|([abtnvfr"\\]))')
_LETTERS = dict(zip('abtnvfr"\\', '\a\b\t\n\v\f\r"\\', strict=True))
_BY_LETTER = {meant: letter for letter, meant in _LETTERS.items()}
_MEANT = b'"\\'
_BLANK, _DELETE = 0x20, 0x7F  # the ends of what is printed as it is
# a/ b/ by default; c/ i/ o/ w/ under diff.mnemonicPrefix; 1/ 2/ from `git diff --no-index`
_PREFIX = re.compile(r"[abciow12]/")
# GNU diff stamps a missing file with the epoch, in the zone of whoever ran it; Subversion says it in words
_ABSENT = re.compile(r"19(?:69-12-31|70-01-01) |\((?:nonexistent|revision 0)\)")
_LONGEST_HEADER = 10_000  # characters: two of the longest paths that systems allow; more is not worth the search


def unquoted(text: str) -> str:
    r"""Return the name that `text` stands for: `"t\303\244b"` is täb, anything without quotes is itself."""
    if not text.startswith('"'):
        return shown(text.encode("utf-8", "surrogateescape"))
    match = _QUOTED.fullmatch(text)
    if match is None:
        raise ValueError(f"the quoted name {text} doesn't end")
    raw = bytearray()
    at = 0
    for escape in _ESCAPE.finditer(match[1]):
        raw += match[1][at : escape.start()].encode("utf-8", "surrogateescape")
        raw += bytes([int(escape[1], 8)]) if escape[1] else _LETTERS[escape[2]].encode()
        at = escape.end()
    return shown(bytes(raw + match[1][at:].encode("utf-8", "surrogateescape")))


def quoted(path: str, prefix: str) -> str:
    """Return `prefix` and the path as git writes them: C-quoted when a byte of the name needs it."""
    name = real(path)
    if not any(byte < _BLANK or byte >= _DELETE or byte in _MEANT for byte in name):
        return f"{prefix}{path}"
    return f'"{prefix}{"".join(map(_escaped, name))}"'


def _escaped(byte: int) -> str:
    letter = chr(byte)
    if letter in _BY_LETTER:
        return f"\\{_BY_LETTER[letter]}"
    return letter if _BLANK <= byte < _DELETE else f"\\{byte:03o}"


def header_name(rest: str) -> tuple[str, bool]:
    """Return the name behind `--- ` or `+++ `, and whether its time stamp says that there is no such file.

    A time stamp stands behind a tab. `git` also puts a tab behind a name that holds a space.
    """
    rest = rest.removesuffix("\r")
    quoted = _QUOTED.match(rest)
    name, _, stamp = (quoted[0], "", rest[quoted.end() :].strip()) if quoted else rest.partition("\t")
    return unquoted(name), bool(_ABSENT.match(stamp))


def git_header_names(rest: str) -> tuple[str, str] | None:
    """Return both names, prefixes included, from what follows `diff --git `.

    Unquoted names that hold spaces are told apart by being the same but for the prefix; None when they are
    not.
    """
    rest = rest.removesuffix("\r")
    if rest.startswith('"') and (match := _QUOTED.match(rest)):
        return unquoted(match[0]), unquoted(rest[match.end() :].lstrip(" "))
    if rest.endswith('"') and ' "' in rest:
        left, _, right = rest.partition(' "')
        return unquoted(left), unquoted('"' + right)
    middle = len(rest) // 2
    if rest[middle : middle + 1] == " " and _alike(rest[:middle], rest[middle + 1 :]):
        return unquoted(rest[:middle]), unquoted(rest[middle + 1 :])
    return _split_alike(rest, " ")


def binary_names(line: str) -> tuple[str, str] | None:
    """Return both names of `Binary files X and Y differ`; None for any other line."""
    line = line.removesuffix("\r")
    if not (line.startswith("Binary files ") and line.endswith(" differ")):
        return None
    rest = line.removeprefix("Binary files ").removesuffix(" differ")
    old, _, new = rest.partition(" and ")
    return _split_alike(rest, " and ") or (unquoted(old), unquoted(new))


def _split_alike(text: str, separator: str) -> tuple[str, str] | None:
    """Return the two names around the first separator that has like names on its sides."""
    at = text.find(separator) if len(text) <= _LONGEST_HEADER else -1
    while at >= 0:
        left, right = text[:at], text[at + len(separator) :]
        if _alike(left, right):
            return unquoted(left), unquoted(right)
        at = text.find(separator, at + 1)
    return None


def _alike(left: str, right: str) -> bool:
    return left == right or _tail(left) == _tail(right) != ""


def without_prefixes(old: str, new: str) -> tuple[str, str]:
    """Return two names without what only says which side they are on.

    Names that are the same have no prefix. Names that differ only in their first folder have that as their
    prefix, as in `a/x` and `b/x` or `orig/x` and `mine/x`. Otherwise only the prefixes that git itself writes
    are taken off.
    """
    if old == new:
        return old, new
    if _alike(old, new):
        return _tail(old), _tail(new)
    if DEV_NULL in {old, new}:
        return _PREFIX.sub("", old, count=1), _PREFIX.sub("", new, count=1)
    if _PREFIX.match(old) and _PREFIX.match(new) and old[0] != new[0]:
        return old[2:], new[2:]
    return old, new


def _tail(name: str) -> str:
    return "" if name.startswith("/") else name.partition("/")[2]


def checked(path: str) -> str:
    """Return the path in its plain form; one that is absolute or climbs out of its folder is a ValueError."""
    if not path:
        raise ValueError("a file name is missing")
    plain = os.path.normpath(path).replace(os.sep, "/")
    if path.startswith("/") or ".." in path.split("/") or not is_inside(plain):
        raise ValueError(f"the file name {path!r} leads out of the project: make the diff from the project's folder")
    return plain
