"""Records of older formats are read, whatever they lack; one of a newer format is not guessed at."""

import json
from pathlib import Path

import pytest

from fanfold.engine.migrations import STEPS, UnknownFormat, migrated
from fanfold.engine.runs import read_run
from fanfold.errors import TargetError
from fanfold.models import RUN_FORMAT
from fanfold.reports.formats import Renderer, TemplateChoice, formats_of

# Written by the first version of each command, before fields were added to the models.
RECORDS = Path(__file__).resolve().parents[1] / "golden" / "records"
FIRST = sorted(path.name for path in RECORDS.iterdir())


def test_there_are_old_records():
    """A test that reads none would hold for ever."""
    assert FIRST == ["first-review.json", "first-test.json"]


@pytest.mark.parametrize("name", FIRST)
def test_the_first_records_render_in_every_format(name):
    """Of their skill, with their findings and tests in it."""
    run = read_run(RECORDS / name)
    texts = {form: Renderer(run.skill, [form], TemplateChoice()).render(run, form) for form in formats_of(run.skill)}
    assert len(texts) > 5
    for form in ("md", "html", "pr-comment", "job-summary"):
        assert {"first-review.json": "orders.py", "first-test.json": "test_tax"}[name] in texts[form]


def test_there_is_a_step_from_every_format():
    """Whoever raises the number adds the step to it."""
    assert len(STEPS) == RUN_FORMAT


def test_steps_are_taken_in_order_from_the_records_own_format():
    """Each makes of one format the next one."""
    steps = tuple(lambda record, n=n: {**record, "format": n, "seen": [*record.get("seen", []), n]} for n in (1, 2, 3))
    assert migrated({}, steps, 3) == {"format": 3, "seen": [1, 2, 3]}
    assert migrated({"format": 2}, steps, 3) == {"format": 3, "seen": [3]}
    assert migrated({"format": 3}, steps, 3) == {"format": 3}
    with pytest.raises(UnknownFormat, match="has format 4, and this fanfold knows up to 3"):
        migrated({"format": 4}, steps, 3)


def changed(tmp_path, **fields):
    record = json.loads((RECORDS / "first-review.json").read_text(encoding="utf-8"))
    path = tmp_path / "run.json"
    path.write_text(json.dumps({name: value for name, value in {**record, **fields}.items() if value != "gone"}))
    return path


def test_a_record_without_a_number_is_of_the_oldest_format(tmp_path):
    """It reads as the same run."""
    assert read_run(changed(tmp_path, format="gone")) == read_run(RECORDS / "first-review.json")


def test_what_a_newer_fanfold_has_added_is_passed_over(tmp_path):
    """At every depth; the format's number has not grown by it."""
    record = json.loads((RECORDS / "first-review.json").read_text(encoding="utf-8"))
    findings = [{**finding, "colour": "red"} for finding in record["findings"]]
    timing = {**record["timing"], "moon": 3}
    assert read_run(changed(tmp_path, findings=findings, timing=timing, extra={})) == read_run(
        RECORDS / "first-review.json"
    )


@pytest.mark.parametrize("said", [True, -1, "1", 1.5, None, [1]])
def test_a_format_that_is_no_number_is_said(tmp_path, said):
    """In one line; it is not taken for an old one."""
    with pytest.raises(TargetError, match=r"run\.json: not a run: its format is "):
        read_run(changed(tmp_path, format=said))


def test_a_newer_format_is_said(tmp_path):
    """Which, and which ones are known."""
    with pytest.raises(TargetError, match=r"run\.json: has format 7, and this fanfold knows up to 1: use a newer one"):
        read_run(changed(tmp_path, format=7))
