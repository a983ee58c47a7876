"""Which files a ready-made analysis reads of a tree that is larger than what may be read."""

import asyncio

import pytest

from fanfold.reports.analysed import Row, Table
from fanfold.skills.multi_file_analysis.analyses.prompts import Analysis, shipped_analyses
from fanfold.skills.multi_file_analysis.planning import planned
from fanfold.skills.multi_file_analysis.request import AnalysisRequest
from fanfold.skills.multi_file_analysis.scope import resolve_scope
from fanfold.skills.multi_file_analysis.survey import Survey
from fanfold.sources.repo_map.mapping import map_tree

_PROSE = "Words about the parts of this project, and how it is built.\n" * 60
_CODE = "def part_{0}(value):\n    return value\n" + "# what part {0} is for\n" * 60


@pytest.fixture
def read(tmp_path):
    """Return what an analysis reads, in the order of relevance, and the map."""

    def make(files, analysis, most_tokens, leads=None, question=""):
        for path, text in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
        scope = resolve_scope([], tmp_path)
        tree = asyncio.run(map_tree(scope.found))
        request = AnalysisRequest(question=question, most_tokens=most_tokens)
        plan = planned(request, tree, scope.target.snapshot, analysis, leads)
        assert set(plan.relevance) == set(tree.files)
        assert all(0 <= score <= 1 for score in plan.relevance.values())
        return plan.ranked, tree

    return make


def _tokens(tree, paths):
    return sum(tree.files[path].facts.tokens for path in paths)


def test_documents_do_not_eat_up_what_may_be_read(read):
    """An overview of a project with a book beside it reads its code as well, whatever else it puts first."""
    docs = {f"docs/releases/1.{number}.md": _PROSE for number in range(60)}
    code = {f"src/part_{number}.py": _CODE.format(number) for number in range(30)}
    ranked, tree = read({**docs, **code, "README.md": _PROSE}, shipped_analyses()["architecture"], 10_000)
    assert _tokens(tree, [path for path in ranked if path.endswith(".md")]) < 0.2 * 10_000
    assert len([path for path in ranked if path.startswith("src/")]) > 15


def test_what_facts_point_at_is_read_first(read):
    """But for half of what may be read at most; tests are pointed at last."""
    code = {f"src/part_{number}.py": _CODE.format(number) for number in range(30)}
    leads = {"tests/test_it.py": 1.0, "src/part_17.py": 0.5, "src/part_3.py": 1.0, "gone.py": 1.0}
    files = {**code, "tests/test_it.py": _CODE.format("t")}
    ranked, _ = read(files, shipped_analyses()["performance"], 8_000, leads)
    assert ranked[:3] == ("src/part_3.py", "src/part_17.py", "tests/test_it.py")
    everywhere = dict.fromkeys(code, 1.0)
    ranked, tree = read({**files, "README.md": _PROSE}, shipped_analyses()["onboarding"], 8_000, everywhere)
    assert "README.md" in ranked
    assert _tokens(tree, ranked[: ranked.index("README.md")]) <= 0.5 * 8_000


def test_the_first_table_points_the_most():
    """Each row less than the one above it, and each table less than the one before it."""
    tables = [
        Table(name=name, title=name, rows=rows) for name, rows in (("a", _rows("x", "y")), ("b", _rows("z", "x")))
    ]
    assert Survey(tables=tuple(tables)).leads == {"x": 1.0, "y": 0.5, "z": 0.5}


def _rows(*paths):
    return tuple(Row(path=path, line=1, end_line=1, cells=()) for path in paths)


def test_a_question_of_ones_own_decides_between_what_facts_point_at(read):
    """What is asked about comes before what is first in a table."""
    code = {f"src/part_{number}.py": _CODE.format(number) for number in range(30)}
    files = {**code, "src/invoices.py": "def send_invoices():\n    return 1\n" + "# invoices are sent\n" * 60}
    leads = {"src/part_3.py": 1.0, "src/invoices.py": 0.5}
    ranked, _ = read(files, shipped_analyses()["error-handling"], 8_000, leads, "What if invoices fail?")
    assert ranked[0] == "src/invoices.py"


def test_of_what_an_analysis_names_that_which_uses_the_rest_is_read_first(read):
    """The tests of what is pointed at rather than any; translations never, whatever the name of their folder."""
    analysis = Analysis.model_validate(
        {
            "name": "own",
            "title": "Own",
            "question": "What?",
            "facts": ["largest"],
            "files": ["tests/**", "auth/**"],
            "instructions": "Look.\n\n## Synthesis\n\nSay.",
        }
    )
    code = {f"auth/part_{number}.py": _CODE.format(number) for number in range(9)}
    tests = {f"tests/test_{number}.py": f"import auth.part_{number}\n" + "# test\n" * 300 for number in range(9)}
    words = {f"auth/locale/{name}/LC_MESSAGES/auth.po": 'msgid "x"\n' * 300 for name in ("de", "fr", "pl")}
    ranked, _ = read({**code, **tests, **words}, analysis, 6_000, {"auth/part_7.py": 1.0})
    assert ranked[0] == "auth/part_7.py"
    assert "tests/test_7.py" in ranked[:2]
    words_from = next(at for at, path in enumerate(ranked) if path.endswith(".po"))
    assert {path for path in ranked[words_from:] if not path.endswith(".po")} <= set(tests)
