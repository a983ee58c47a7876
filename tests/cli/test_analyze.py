"""`fanfold analyze` in a real repository, without a model and with the stand-in server in a model's place.

Every answer of a sub-agent here is scripted; no model was asked.
"""

import pytest

from fanfold.models import Run
from fanfold.reports.analysed import analysis_of
from fanfold.testing.analysis import reader
from fanfold.testing.repository import Repository

SHOP = """\
def total(rows):
    return sum(row["price"] for row in rows)


def tax(net):
    return net * RATE
"""
WEB = """\
from shop import total


def page(rows):
    return f"<b>{total(rows)}</b>"
"""
QUESTION = "How is a page made?"
ANALYZE = ("analyze", QUESTION, "--format", "json")


@pytest.fixture
def project(tmp_path, monkeypatch):
    repository = Repository.init(tmp_path / "project")
    repository.write("shop.py", SHOP)
    repository.write("web/views.py", WEB)
    repository.commit("Sell")
    monkeypatch.chdir(repository.root)
    return repository


def result(ended):
    return analysis_of(Run.model_validate(ended.run))


def test_an_answer_stands_on_lines_that_are_there(project, fanfold, served):
    """Every sentence has a citation, and each citation's quote stands in its lines."""
    served(reader)
    ended = fanfold(*ANALYZE)
    assert ended.code == 0
    found = result(ended)
    assert "`page` is defined in web/views.py [" in found.answer
    assert (found.dropped_citations, found.unsupported_sentences) == (0, 0)
    assert {c.path for c in found.citations} == {"shop.py", "web/views.py"}
    for citation in found.citations:
        lines = (project.root / citation.path).read_text().split("\n")
        assert citation.quote in "\n".join(lines[citation.line - 1 : citation.end_line])
    assert [area.files for area in found.areas] == [("shop.py", "web/views.py")]
