"""The result of an analysis: it reads back as it was written, and belongs to no other skill."""

import pytest

from fanfold.errors import UsageError
from fanfold.models import Run
from fanfold.reports.analysed import AnalysisResult, Table, analysis_of
from fanfold.reports.analysed_samples import ANALYSES
from fanfold.reports.samples import FULL as REVIEW
from fanfold.reports.samples import runs_of


@pytest.mark.parametrize("name", ANALYSES)
def test_a_saved_analysis_reads_back(name):
    """Through run.json and out again, its result is the same value."""
    run = ANALYSES[name]
    again = Run.model_validate_json(run.model_dump_json())
    assert analysis_of(again).model_dump(mode="json") == run.result


def test_the_contract_holds():
    """What the outside relies on is there under its name."""
    result = runs_of("multi-file-analysis")["full"].result
    assert {"question", "answer", "citations", "dropped_citations", "unsupported_sentences", "map"} <= set(result)
    assert set(result["citations"][0]) == {"path", "line", "end_line", "quote", "status"}
    assert {"files", "tokens", "cycles", "central", "entry_points"} <= set(result["map"])


def test_a_review_is_no_analysis():
    """Its run is refused in one line, not shown as an empty answer."""
    with pytest.raises(UsageError, match="is no analysis"):
        analysis_of(REVIEW)


def test_an_empty_result_needs_a_question_alone():
    """Whatever could not be found out has a value that says nothing."""
    assert AnalysisResult(question="why?").answer == ""


def test_a_table_knows_what_it_leaves_out():
    """Rows beyond those that are kept are counted."""
    assert Table(name="x", title="X", total=7).more == 7
