"""bandit: its tests are ranked by the table that ruff's are, whatever the repository's own settings for it say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fanfold.models import Severity

if TYPE_CHECKING:
    from .conftest import Analyze, Tree

CODE = """\
import pickle
import subprocess
import sys

import yaml

yaml.load(sys.stdin)
subprocess.run(
    f"ls {sys.argv}",
    shell=True,
)
pickle.loads(b"")
"""


def test_findings_are_ranked_by_the_table(tree: Tree, analyze: Analyze) -> None:
    """Each fault comes back with its lines, rank and the name it shares with ruff's rule."""
    found = {finding.sources[0]: finding for finding in analyze("bandit", tree({"a.py": CODE})).findings}
    assert set(found) == {"bandit:B506", "bandit:B602", "bandit:B301"}
    shell = found["bandit:B602"]
    assert (shell.line, shell.end_line) == (8, 11)
    assert (shell.severity, shell.mechanism) == (Severity.HIGH, "bandit-602")
    assert shell.quote == "subprocess.run("
    assert (found["bandit:B301"].severity, found["bandit:B301"].confidence) == (Severity.MEDIUM, 0.5)


def test_the_same_fault_has_the_same_name_in_ruff(tree: Tree, analyze: Analyze) -> None:
    """What both report overlaps and shares its mechanism, so that it becomes one finding."""
    root = tree({"a.py": CODE})
    ruff, bandit = (analyze(name, root).findings for name in ("ruff", "bandit"))
    for finding in bandit:
        assert any(
            other.mechanism == finding.mechanism
            and other.line <= finding.end_line
            and finding.line <= other.end_line
            and other.severity == finding.severity
            for other in ruff
        )


DISMISSED = {
    "nosec.py": "import pickle\npickle.loads(b'')  # nosec\n",
    "nosec_one.py": "import pickle\npickle.loads(b'')  # nosec B301\n",
    "noqa.py": "import pickle\npickle.loads(b'')  # noqa: S301\n",
    "noqa_all.py": "import pickle\npickle.loads(b'')  # noqa\n",
    "constant_command.py": "import subprocess\nsubprocess.run('ls | wc', shell=True)\n",
    "no_shell.py": "import subprocess\nsubprocess.run(['ls'])\n",
    "guess.py": "password = 'hunter2'\n",
    "no_django.py": "query.extra(select={'a': 'b' + x})\n",
    "assertion.py": "assert x\n",
}


def test_what_is_decided_or_dismissed_is_left_out(tree: Tree, analyze: Analyze) -> None:
    """An author's mark, in either program's spelling, is honoured, and guesses are no findings."""
    assert analyze("bandit", tree(DISMISSED)).findings == ()


def test_a_mark_for_another_rule_is_none(tree: Tree, analyze: Analyze) -> None:
    """`noqa` for one rule leaves the others."""
    root = tree({"a.py": "import pickle\npickle.loads(b'')  # noqa: S307, E501\n"})
    assert len(analyze("bandit", root).findings) == 1


def test_no_path_is_left_out_without_a_word(tree: Tree, analyze: Analyze) -> None:
    """Its default exclusions, which match anywhere in a path, don't apply to files that are named."""
    names = [".github/scripts/a.py", "CVS/a.py", "x.egg/a.py", "my.git/a.py", "__pycache__/a.py"]
    found = analyze("bandit", tree(dict.fromkeys(names, CODE)), names).findings
    assert {finding.path for finding in found} == set(names)


def test_the_repository_has_no_say_but_on_its_lines(tree: Tree, analyze: Analyze) -> None:
    """Neither `.bandit` nor pyproject.toml turns it off."""
    config = {".bandit": "[bandit]\nskips: B301,B506,B602\n", "pyproject.toml": "[tool.bandit]\nskips=['B301']\n"}
    root = tree({"a.py": CODE, **config, "pkg/.bandit": "[bandit]\nskips: B301\n", "pkg/b.py": CODE})
    assert len(analyze("bandit", root).findings) == 6


def test_tests_are_not_for_it(tree: Tree, analyze: Analyze) -> None:
    """Test code may unpickle and shell out."""
    assert analyze("bandit", tree({"tests/test_a.py": CODE, "conftest.py": CODE})).findings == ()


def test_what_it_could_not_parse_is_named(tree: Tree, analyze: Analyze) -> None:
    """Files with a syntax error are a note, and the others are looked at."""
    analysis = analyze("bandit", tree({"a.py": CODE, "b.py": "def f(:\n", "c.py": "print 'x'\n"}))
    assert {finding.path for finding in analysis.findings} == {"a.py"}
    assert analysis.notes == ("bandit could not parse b.py, c.py",)
