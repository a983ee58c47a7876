"""What a reporter suggests becomes a diff that git applies and a parser takes, or a note that says why not."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.models import Finding, Severity
from fanfold.skills.code_review.suggestions import (
    LONGEST,
    check,
    for_whole_lines,
    with_checked_suggestions,
)
from fanfold.sources import edits
from fanfold.sources.anchors import FileText
from fanfold.sources.text import split_lines

PYTHON = """\
import db


def find(name, seen=[]):
    seen.append(name)
    if name:
        query = f"select * from t where name = '{name}'"
        return db.execute(query)
    return None
"""


def finding(path, text, line, end_line, suggestion, **more):
    quote = "\n".join(text.split("\n")[line - 1 : end_line])
    values = {
        "path": path,
        "line": line,
        "end_line": end_line,
        "aspect": "security",
        "severity": Severity.HIGH,
        "confidence": 0.5,
        "title": "t",
        "quote": quote,
        "suggestion": suggestion,
        "sources": ("security",),
    }
    return Finding.model_validate({**values, **more})


def after(path, text, line, end_line, suggestion):
    """What the file reads once the suggestion is taken, None when there is none."""
    diff = check(finding(path, text, line, end_line, suggestion), text).diff
    made = diff and edits.apply(diff, text.encode())
    return made.decode() if made else None


FIXED = PYTHON.replace(
    """\
        query = f"select * from t where name = '{name}'"
        return db.execute(query)
""",
    """\
        query = "select * from t where name = ?"
        return db.execute(query, (name,))
""",
)


@pytest.mark.parametrize(
    "suggestion",
    [
        '        query = "select * from t where name = ?"\n        return db.execute(query, (name,))',
        'query = "select * from t where name = ?"\nreturn db.execute(query, (name,))',
        'query = "select * from t where name = ?"\n        return db.execute(query, (name,))',
        '\n            query = "select * from t where name = ?"\n            return db.execute(query, (name,))\n',
        '\tquery = "select * from t where name = ?"\n\treturn db.execute(query, (name,))',
    ],
    ids=["as it is", "lost", "first line lost", "too deep", "tabs"],
)
def test_lost_indentation_comes_back(suggestion):
    """However a model indents its lines, they end where the ones stood that they replace."""
    assert after("a.py", PYTHON, 7, 8, suggestion) == FIXED


@pytest.mark.parametrize(
    "suggestion",
    ["    a()\n\nb(1)\nc()", "        a()\n\n    b(1)\n    c()", "a()\n\n    b(1)\n    c()"],
    ids=["moved", "as it is", "first line lost"],
)
def test_lines_that_stay_show_where_the_others_belong(suggestion):
    """However the first line is indented: those that are not changed say by how much all of them have moved."""
    text = "def f():\n    if x:\n        a()\n\n    b()\n    c()\n"
    assert after("a.py", text, 3, 6, suggestion) == text.replace("b()", "b(1)")


def test_less_indentation_may_be_meant():
    """A line that moves out of its block stays out when the file parses that way."""
    text = "def f(x):\n    for y in x:\n        z = y\n        print(z)\n"
    assert after("a.py", text, 4, 4, "    print(z)") == text.replace("        print", "    print")


@pytest.mark.parametrize(
    ("path", "text", "line", "suggestion"),
    [
        ("a.py", PYTHON, 5, "    seen.append(name"),
        ("a.py", "x = 1\ny = 2\n", 1, "return 1"),
        ("a.json", '{\n  "a": 1,\n  "b": 2\n}\n', 2, '  "a": 1'),
        ("a.toml", "a = 1\nb = 2\n", 1, "a = "),
        ("a.yaml", "a: 1\nb: 2\n", 1, "a: [1"),
        ("a.go", "package a\n\nfunc f() int {\n\treturn 1\n}\n", 4, "if x { return 1"),
        ("a.ts", "const a = 1;\nconst b = 2;\n", 1, "const a = (1;"),
    ],
    ids=["python", "outside of a function", "json", "toml", "yaml", "go", "typescript"],
)
def test_what_no_longer_parses_is_dropped(path, text, line, suggestion):
    """It never reaches a report, and the finding says why."""
    found = finding(path, text, line, line, suggestion)
    (checked,) = with_checked_suggestions([found], {path: text}.get)
    assert checked.suggestion is None
    assert checked.notes == ("A suggestion was left out: the file would no longer parse.",)


@pytest.mark.parametrize(
    ("path", "text", "suggestion"),
    [
        ("a.json", '// comments\n{\n  "a": 1\n}\n', '  "a": 2'),
        ("old.py", "def f():\n    try: g()\n    except E, e: print e\n", "    except E as e: print e"),
        ("notes.txt", "one\ntwo\nthree(\n", "3"),
        ("a.c", "int f( {\nint a;\nint b;\n", "int c;"),
    ],
    ids=["json with comments", "python 2", "no language", "c with an error"],
)
def test_a_file_that_never_parsed_is_held_to_nothing(path, text, suggestion):
    """Only what is newly broken counts."""
    assert after(path, text, 3, 3, suggestion) is not None


@pytest.mark.parametrize("suggestion", [None, "", "  \n"])
def test_no_suggestion_is_no_problem(suggestion):
    """Nothing suggested is nothing dropped."""
    checked = check(finding("a.py", PYTHON, 5, 5, suggestion), PYTHON)
    assert checked.diff is None
    assert checked.problem is None


def test_why_a_suggestion_is_left_out():
    """It is told apart whether it changes nothing, does not stand there, is too long, or not in the file's encoding."""
    assert check(finding("a.py", PYTHON, 5, 5, "    seen.append(name)"), PYTHON).problem == "it changes nothing"
    moved = finding("a.py", PYTHON, 5, 5, "    pass", quote="somewhere else")
    assert "do not stand there" in str(check(moved, PYTHON).problem)
    assert "do not stand there" in str(check(finding("a.py", PYTHON, 50, 60, "pass", quote="x"), PYTHON).problem)
    assert "longer than" in str(check(finding("a.txt", PYTHON, 5, 5, "x" * (LONGEST + 1)), PYTHON).problem)
    latin = "caf\ufffd = 1\nx = 2\ny = 3\n"
    assert check(finding("a.txt", latin, 2, 2, "x = 3"), latin).problem is None
    assert check(finding("a.txt", latin, 1, 1, "cafe = 1"), latin).problem == "the file is not UTF-8 there"


def test_a_secret_beside_the_change_is_not_shown():
    """Context stops before it; a change of its very line has no diff."""
    text = "a = 1\nb = 2\nc = 3\ntoken = 'hunter2'\ne = 5\nf = 6\n"
    secret = finding("a.py", text, 4, 4, None, sources=("secrets:generic",), quote="token = '")
    near = finding("a.py", text, 2, 2, "b = 22")
    on_it = finding("a.py", text, 4, 4, "token = environ['TOKEN']")
    before_it = finding("a.py", text, 3, 3, "c = 33")
    _, shown, *left_out = with_checked_suggestions([secret, near, on_it, before_it], {"a.py": text}.get)
    assert "b = 22" in str(shown.suggestion)
    assert "hunter2" not in str(shown.suggestion)
    assert [f.suggestion for f in left_out] == [None, None]
    assert {f.notes for f in left_out} == {("A suggestion was left out: it stands beside a secret.",)}


def test_what_is_masked_for_sub_agents_is_not_shown_either():
    """A token that no scan has reported is no context; nothing of a file that is there to hold secrets is suggested."""
    token = "ghp_" + "a1B2c3D4e5" * 4
    text = f"a = 1\nb = 2\nc = 3\ntoken = '{token}'\n"
    diff = check(finding("a.py", text, 2, 2, "b = 22"), text).diff
    assert "b = 22" in str(diff)
    assert token not in str(diff)
    assert check(finding("a.py", text, 4, 4, "token = None"), text).problem == "it stands beside a secret"
    env = "A_B=1\nC_D=2\nE_F=3\n"
    assert check(finding(".env", env, 1, 1, "A_B=2"), env).problem == "its file holds secrets"


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["", "end"])
def test_endings_stay(ending, last):
    """CRLF stays CRLF, and a last line without a line break stays without one."""
    text = f"one{ending}two{ending}{last}"
    assert after("a.txt", text, 2, 2, "2a\n2b") == f"one{ending}2a{ending}2b{ending}{last}"
    if last:
        assert after("a.txt", text, 3, 3, "END") == f"one{ending}two{ending}END"


@pytest.mark.parametrize(
    ("line", "quote", "suggested", "wanted"),
    [
        ("    return f(x)", "return f(x)", "return g(x)", "return g(x)"),
        ("    return f(x)", "f(x)", "g(x)", "    return g(x)"),
        ("    return f(x)", "f(x)", "return g(x)", "return g(x)"),
        ("    x = 1  # why", "x = 1", "x = 2", "    x = 2  # why"),
        ("    x = 1  # why", "x = 1", "x = 2  # why", "x = 2  # why"),
        ("if (a == b) {", "a == b", "a === b", "if (a === b) {"),
        ("    foo(bar(x))", "bar(x)", "baz(x)", "    foo(baz(x))"),
        ("except Exception:", "except Exception", "except ValueError:", "except ValueError:"),
        ("x = 1", "41#a3f+| x = 1", "41#a3f+| x = 2", "x = 2"),
        ("x = 1", "x = 1", "```python\nx = 2\n```", "x = 2"),
        ("x = 1", "x  =  1", "x = 2", "x = 2"),
        ("x = 1", "x = 1", "x = \x1b[31m2\u202e", "x = [31m2"),
        ("x = 1", "x = 1", None, None),
        ("x = 1", "x = 1", "```\n\n```", None),
    ],
)
def test_a_part_of_a_line_is_replaced_in_its_place(line, quote, suggested, wanted):
    """What was not quoted stays, unless the suggestion has it as well; fences, numbering and escapes go."""
    place = FileText(line + "\n").locate(quote)
    assert place
    assert for_whole_lines(suggested, quote, place) == wanted


LINES = st.lists(st.sampled_from(["a", "b", "", "    c", "{", "}", "é"]), min_size=1, max_size=10)


@given(LINES, st.data(), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_a_checked_suggestion_always_applies(lines, data, ending, ends):
    """Whatever file and replacement: the diff applies to the file, and only the finding's lines differ."""
    text = ending.join(lines) + (ending if ends else "")
    count = len(split_lines(text)) if text else 0
    if not count:
        return
    line = data.draw(st.integers(1, count))
    end_line = data.draw(st.integers(line, count))
    replacement = data.draw(st.text(alphabet="ab \n\t{}'", max_size=20))
    diff = check(finding("a.txt", text, line, end_line, replacement), text).diff
    if diff is None:
        return
    made = edits.apply(diff, text.encode())
    assert made is not None
    assert made != text.encode()
    there = split_lines(made.decode())
    before = split_lines(text)
    assert there[: line - 1] == before[: line - 1]
    assert there[len(there) - (count - end_line) :] == before[end_line:]


@given(st.recursive(st.integers() | st.text(max_size=3), lambda inner: st.lists(inner, min_size=1, max_size=3)))
def test_json_that_is_shown_parses(value):
    """A replaced value in a JSON file either parses, or there is no suggestion."""
    text = json.dumps({"a": value}, indent=1) + "\n"
    for suggestion in (' "a": 1', ' "a": [', "{"):
        made = after("a.json", text, 2, text.count("\n") - 1, suggestion)
        assert made is None or json.loads(made)
