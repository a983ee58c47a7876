"""ruff: what it reports is ranked by the table, what the project has decided is honoured, nothing outside is read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fanfold.analyzers.rules import RULES, fault
from fanfold.models import Severity

if TYPE_CHECKING:
    from .conftest import Analyze, Tree

BUGS = """\
import asyncio
import pickle


def collect(item, into=[]):
    into.append(item)
    return into


async def main():
    asyncio.create_task(collect(1))
    if (1, "always"):
        print("%d %d" % (1,))
    return pickle.loads(b""), undefined
"""


def test_findings_say_where_and_how_bad(tree: Tree, analyze: Analyze) -> None:
    """Each fault of a small file comes back with its line, rank, source, quote and shared name."""
    analysis = analyze("ruff", tree({"pkg/a.py": BUGS}))
    found = {finding.sources[0]: finding for finding in analysis.findings}
    assert set(found) == {"ruff:B006", "ruff:RUF006", "ruff:F634", "ruff:F507", "ruff:S301", "ruff:F821"}
    default, undefined, pickled = found["ruff:B006"], found["ruff:F821"], found["ruff:S301"]
    assert (default.path, default.line, default.severity) == ("pkg/a.py", 5, Severity.MEDIUM)
    assert default.quote == "def collect(item, into=[]):"
    assert "shared by all calls" in default.explanation
    assert (undefined.aspect, undefined.severity, undefined.mechanism) == (
        "correctness",
        Severity.HIGH,
        "undefined-name",
    )
    assert undefined.title == "Undefined name `undefined`"
    assert (pickled.aspect, pickled.mechanism, pickled.confidence) == ("security", "bandit-301", 0.5)


def test_every_rule_is_one_of_ruff_or_bandit() -> None:
    """The table has no code that neither program knows, none in preview, and none that was removed."""
    argv = [sys.executable, "-m", "ruff", "rule", "--all", "--output-format", "json"]
    known = {rule["code"]: rule for rule in json.loads(subprocess.run(argv, capture_output=True, check=True).stdout)}
    only_bandit = {code for code in RULES if code not in known}
    assert only_bandit == {"S613", "S614", "S615", "S703"}
    assert not [code for code in RULES if code in known and known[code].get("preview")]
    assert not [code for code in RULES if code in known and "Removed" in str(known[code].get("status"))]
    assert all(rule.why.endswith(".") and len(rule.why) < 110 for rule in RULES.values())
    assert fault("S301") == "bandit-301"
    assert fault("F841") == ""


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        ("def f(:\n    pass\nx = )\n", (1, 1)),
        ("x = 1\nprint 'two'\nprint 'three'\n", (2, 2)),
        ("x = (1,\n\n\n", (1, 1)),
        ("if x:\nprint()\n", (2, 2)),
    ],
)
def test_a_syntax_error_is_one_finding(tree: Tree, analyze: Analyze, code: str, lines: tuple[int, int]) -> None:
    """A file that can't be compiled has one finding of high severity, not one for everything that follows."""
    analysis = analyze("ruff", tree({"a.py": code}))
    (finding,) = (found for found in analysis.findings if found.sources == ("ruff:invalid-syntax",))
    assert (finding.line, finding.end_line) == lines
    assert (finding.severity, finding.aspect) == (Severity.HIGH, "correctness")
    assert finding.title.startswith("Syntax error: ")


def test_a_template_is_no_syntax_error(tree: Tree, analyze: Analyze) -> None:
    """Python with another language's placeholders in it is not meant to be compiled."""
    assert analyze("ruff", tree({"{{ name }}/a.py": "class {{ name }}:\n    pass\n"})).findings == ()


DISMISSED = {
    "taste.py": "import os\n",
    "constant_default.py": "def f(x=tuple()):\n    return x\n",
    "constant_command.py": "import subprocess\nsubprocess.run('ls | wc', shell=True)\n",
    "no_shell.py": "import subprocess\nsubprocess.run(['ls'])\n",
    "dice.py": "import random\nrandom.random()\n",
    "no_django.py": "query = 0\nquery.extra(select='')\n",
    "both_pythons.py": "try:\n    text = unicode\nexcept NameError:\n    text = str\n",
    "ipython.py": "shell = get_ipython()\n",
    "silenced_type.py": "print(unknown)  # type: ignore[name-defined]\n",
    "unchecked.py": "print(unknown)  # type: ignore\n",
    "vendored.py": "from mine import Literal\nx: Literal['head', 'row']\n",
    "broad.py": "try:\n    f = 1\nexcept Exception:  # pylint: disable=broad-except\n    pass\n",
    "silenced.py": "import pickle\npickle.loads(b'')  # noqa: S301\n",
    "guess.py": "password = 'secret'\n",
    "assertion.py": "assert True\n",
    "temporary.py": "with open('/tmp/x') as f:\n    f.read()\n",
    "unused_error.py": "def f():\n    try:\n        f()\n    except ValueError as e:\n        return 1\n",
}
MEANT = {
    "clock.py": ("B008", "import datetime\ndef f(at=datetime.datetime.now()):\n    return at\n"),
    "run.py": ("S602", "import subprocess, sys\nsubprocess.run(f'ls {sys.argv}', shell=True)\n"),
    "system.py": ("S605", "import os, sys\nos.system('ls ' + sys.argv[1])\n"),
    "extra.py": ("S610", "from django.db import models\nmodels.x.extra(select=models)\n"),
    "bidi.py": ("PLE2502", "level = 'user\u202e\u2066'  # admin\n"),
    "fetch.py": ("S113", "import requests\nrequests.get('https://x')\n"),
    "swallowed.py": ("S110", "try:\n    f = 1\nexcept Exception:\n    pass\n"),
    "modern.py": ("F821", "import sys\nif sys.version_info >= (3, 11):\n    print(unknown)\n"),
    "old_name.py": ("F821", "print(unicode)\n"),
    "other_type.py": ("F821", "print(unknown)  # type: ignore[arg-type]\n"),
    "unused.py": ("F841", "def f():\n    x = f()\n"),
}


def test_what_readers_dismiss_is_left_out(tree: Tree, analyze: Analyze) -> None:
    """Matches that are mostly meant that way are no findings."""
    assert sources(analyze, tree(DISMISSED)) == {}


def test_what_is_a_fault_stays(tree: Tree, analyze: Analyze) -> None:
    """The same rules still report what they are for."""
    found = sources(analyze, tree({name: code for name, (_, code) in MEANT.items()}))
    assert found == {name: {rule} for name, (rule, _) in MEANT.items()}


def test_tests_may_do_more(tree: Tree, analyze: Analyze) -> None:
    """In test code only what fails counts, and what keeps a test from failing."""
    code = f"{BUGS}\n\ndef test_a():\n    1 == 2\n\n\ndef test_a():\n    assert (1, 'x')\n"
    sources = {finding.sources[0] for finding in analyze("ruff", tree({"tests/test_a.py": code})).findings}
    assert sources == {"ruff:F507", "ruff:F634", "ruff:F821", "ruff:B015", "ruff:F811", "ruff:F631"}


def test_a_safe_fix_is_the_suggestion(tree: Tree, analyze: Analyze) -> None:
    """The suggestion is the line as ruff would leave it, when that is safe and changes no other line."""
    code = "é = y = 1\nif é is 'é' and y:\n    print('%(a)s' % {'a': 1, 'b': 2})\n\n\ndef f(x=[]):\n    return x\n"
    found = {finding.sources[0]: finding for finding in analyze("ruff", tree({"a.py": code})).findings}
    assert found["ruff:F632"].suggestion == "if é == 'é' and y:"
    assert found["ruff:F504"].suggestion == "    print('%(a)s' % {'a': 1, })"
    assert found["ruff:B006"].suggestion is None


def test_a_file_in_another_encoding_is_named(tree: Tree, analyze: Analyze) -> None:
    """It reads UTF-8 alone; what it could not read is a note and no finding."""
    analysis = analyze("ruff", tree({"a.py": b"# coding: latin-1\nx = '\xe9'\n", "b.py": "x = 1\n"}))
    assert analysis.findings == ()
    assert analysis.notes == ("ruff could not read a.py: stream did not contain valid UTF-8",)


def test_a_file_that_crashes_it_is_named(tree: Tree, analyze: Analyze) -> None:
    """A file that overflows ruff's stack costs that file, and is named."""
    deep = "x = " + "-" * 100_000 + "1\n"
    analysis = analyze("ruff", tree({"a.py": "undefined\n", "deep.py": deep, "z.py": "undefined\n"}))
    assert {finding.path for finding in analysis.findings} == {"a.py", "z.py"}
    assert analysis.notes == ("ruff was ended by signal 6 on deep.py, which it did not look at",)


FAULT = "import pickle\n\nprint(undefined, pickle.loads(b''))\n"


def sources(analyze: Analyze, root: Path) -> dict[str, set[str]]:
    """Return the rules that are reported, by file."""
    found: dict[str, set[str]] = {}
    for finding in analyze("ruff", root).findings:
        found.setdefault(finding.path, set()).add(finding.sources[0].removeprefix("ruff:"))
    return found


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("pyproject.toml", "[tool.ruff.lint]"),
        ("ruff.toml", "[lint]"),
        (".ruff.toml", ""),
        ("pyproject.toml", "[tool.ruff]"),
    ],
)
def test_ignored_rules_stay_ignored(tree: Tree, analyze: Analyze, name: str, table: str) -> None:
    """What a project ignores, in whichever file and by whichever prefix, is not brought up again."""
    root = tree({"a.py": FAULT, name: f'{table}\nignore = ["S3"]\nextend-ignore = ["F821"]\nselect = ["ALL"]\n'})
    assert sources(analyze, root) == {}


def test_files_are_ignored_and_excluded_as_the_project_says(tree: Tree, analyze: Analyze) -> None:
    """Rules ignored for some files, excluded files, own builtins and extra immutable calls are honoured."""
    config = """
        extend-exclude = ["vendor", "gen/*.py"]
        builtins = ["undefined"]
        [lint.per-file-ignores]
        "pkg/**" = ["S301"]
    """
    names = ["a.py", "pkg/b.py", "pkg/sub/c.py", "vendor/d.py", "gen/e.py", "build/f.py"]
    root = tree({**dict.fromkeys(names, FAULT), "ruff.toml": config})
    assert sources(analyze, root) == {"a.py": {"S301"}, "build/f.py": {"S301"}}


def test_the_nearest_configuration_counts(tree: Tree, analyze: Analyze) -> None:
    """In a repository of several projects each has its own settings; one without any has those above it."""
    root = tree(
        {
            "ruff.toml": "lint.ignore = ['S301']",
            "one/pyproject.toml": "[tool.ruff.lint]\nignore = ['F821']\n",
            "one/src/a.py": FAULT,
            "two/pyproject.toml": "[project]\nname = 'two'\n",
            "two/a.py": FAULT,
            "three/ruff.toml": "extend = '../ruff.toml'\nlint.extend-ignore = ['F']\n",
            "three/a.py": FAULT,
        }
    )
    assert sources(analyze, root) == {"one/src/a.py": {"S301"}, "two/a.py": {"F821"}}


@pytest.mark.parametrize(
    ("config", "broken"),
    [
        ("[project]\nrequires-python = '>=3.8'\n", True),
        ("[project]\nrequires-python = '>=3.12,<4'\n", False),
        ("[project]\nrequires-python = '>=3.99'\n", False),
        ("[project]\nrequires-python = '>=3." + "1" * 5000 + "'\n", False),
        ("[project]\nrequires-python = 3\n", False),
        ("[tool.ruff]\ntarget-version = 'py39'\n[project]\nrequires-python = '>=3.12'\n", True),
        ("", False),
    ],
)
def test_syntax_is_that_of_the_oldest_python(tree: Tree, analyze: Analyze, config: str, *, broken: bool) -> None:
    """Syntax that the project's oldest Python doesn't know is a finding; without a word on that, nothing is too new."""
    root = tree({"a.py": "type Pair = tuple[int, int]\n", "pyproject.toml": config})
    assert sources(analyze, root) == ({"a.py": {"invalid-syntax"}} if broken else {})


@pytest.mark.parametrize(
    ("config", "note"),
    [
        ("lint.per-file-ignores = 3", "don't suit the ruff that is installed"),
        ("lint.per-file-ignores = {'*' = ['NOSUCH1']}", "don't suit the ruff that is installed"),
        ("target-version = 'py27'", "don't suit the ruff that is installed"),
        ("builtins = 1979-05-27", "don't suit the ruff that is installed"),
        ("this is no TOML", "ruff.toml is no valid TOML"),
        (b"x = '\xff'", "ruff.toml is no valid TOML"),
        ("a = " + "[" * 100_000, "ruff.toml is no valid TOML"),
        ("x = 1\n" + "# padding\n" * 200_000, "ruff.toml is no ordinary file of the project"),
    ],
)
def test_a_configuration_that_can_not_be_honoured_is_said(
    tree: Tree, analyze: Analyze, config: str | bytes, note: str
) -> None:
    """Broken settings cost the settings, not the analysis, and a note says so."""
    root = tree({"a.py": FAULT, "ruff.toml": config})
    analysis = analyze("ruff", root)
    assert {finding.sources[0] for finding in analysis.findings} == {"ruff:F821", "ruff:S301"}
    assert [note in said for said in analysis.notes] == [True]


def test_a_version_that_the_project_requires_does_not_matter(tree: Tree, analyze: Analyze) -> None:
    """A project pinned to another ruff is still analyzed."""
    root = tree({"a.py": FAULT, "ruff.toml": "required-version = '==0.1.0'\npreview = true\nfix = true\n"})
    assert sources(analyze, root) == {"a.py": {"F821", "S301"}}
    assert (root / "a.py").read_text() == FAULT


_FOLDERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def test_a_configuration_can_not_read_outside(tree: Tree, analyze: Analyze, tmp_path: Path) -> None:
    """Neither `extend` nor a link brings in a file from outside, and nothing of one is printed."""
    (tmp_path / "private").write_text("password = 'hunter2'\nlint.ignore = ['F821', 'S301']\n")
    files = {
        "one/ruff.toml": f"extend = '{tmp_path}/private'",
        "two/ruff.toml": "extend = '../../private'",
        "three/ruff.toml": "extend = '/dev/zero'",
        "four/ruff.toml": "extend = 'ruff.toml'",
        "five/ruff.toml": "extend = 'gone.toml'",
        "seven/ruff.toml": 'extend = "a\\u0000b"',
        "eight/ruff.toml": f"extend = '{'x' * 5000}'",
        "nine/ruff.toml": "extend = 'loop'",
    }
    root = tree({**files, **{f"{folder}/a.py": FAULT for folder in _FOLDERS}})
    (root / "nine" / "loop").symlink_to("loop")
    (root / "six" / "ruff.toml").symlink_to(tmp_path / "private")
    analysis = analyze("ruff", root)
    assert len(analysis.findings) == 2 * len(_FOLDERS)
    assert "hunter2" not in analysis.model_dump_json()
    assert set(analysis.notes) >= {
        "ruff: `extend` leads out of the project or round in circles: not followed",
        "ruff: ruff.toml is no ordinary file of the project: not read",
    }
    assert all(len(note) < 200 for note in analysis.notes)


def test_configuration_above_the_root_is_not_read(tree: Tree, analyze: Analyze) -> None:
    """What lies above the target has no say in it."""
    root = tree({"a.py": FAULT})
    (root.parent / "ruff.toml").write_text("lint.ignore = ['F821', 'S301']\n")
    assert sources(analyze, root) == {"a.py": {"F821", "S301"}}


OLD = {
    "gone.py": "def f(first, second):\n    return first - second\n",
    "bracket.py": "value = (\n    1,\n)\n\n\ndef g():\n    return 1\n",
    "kept.py": "def h():\n    return missing\n\n\nx = 1\n",
    "unused.py": "def f(a):\n    total = a()\n    return total\n",
    "broken.py": "def f(:\n    pass\n\n\nx = 1\n",
}
NEW = {
    "gone.py": OLD["gone.py"].replace(", second)", ")"),
    "bracket.py": OLD["bracket.py"].replace(")\n\n", "\n\n"),
    "kept.py": "import os\n\n" + OLD["kept.py"],
    "unused.py": OLD["unused.py"].replace("return total", "return 1"),
    "broken.py": OLD["broken.py"].replace("x = 1", "x = 2"),
}


def test_what_the_base_did_not_have_is_the_changes(tree: Tree, analyze: Analyze, tmp_path: Path) -> None:
    """On lines that it leaves alone as well; what was there, what moved, and what did not parse before is not."""
    moved = {"from.py": OLD["kept.py"], "to.py": "y = 1\n"}, {"from.py": "x = 1\n", "to.py": "y = 1\n" + OLD["kept.py"]}
    for path, text in {**OLD, **moved[0]}.items():
        file = tmp_path / "before" / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    root = tree({**NEW, **moved[1], "pyproject.toml": "[tool.ruff]\nline-length = 100\n"})
    found = analyze("ruff", root, before=tmp_path / "before").findings
    assert {finding.path for finding in found} == {*OLD, "to.py"}
    assert {finding.path for finding in found if finding.caused} == {"gone.py", "bracket.py", "unused.py"}
    assert not any(finding.caused for finding in analyze("ruff", root).findings)
