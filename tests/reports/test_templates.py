"""Templates are compiled when there is time for it."""

from __future__ import annotations

import pytest

from fanfold.reports.formats import Renderer, TemplateChoice
from fanfold.reports.samples import runs_of


def test_what_is_included_is_compiled_beforehand(monkeypatch):
    """Rendering compiles nothing that `warm_all` has seen to, partials included."""
    renderer = Renderer("parallel-test", ("md",), TemplateChoice())
    renderer.warm_all()
    monkeypatch.setattr("jinja2.Environment.compile", lambda *_, **__: pytest.fail("it compiles"))
    assert renderer.render(runs_of("parallel-test")["full"], "md").startswith("# Tests")


def test_a_partial_at_fault_that_nothing_renders_is_no_fault(tmp_path):
    """Compiling beforehand says nothing of what no run may need."""
    (tmp_path / "parallel-test").mkdir()
    (tmp_path / "parallel-test" / "report.md.j2").write_text(
        "{% if run.notes is none %}{% include 'broken.j2' %}{% endif %}ok\n"
    )
    (tmp_path / "broken.j2").write_text("{% if %}")
    renderer = Renderer("parallel-test", ("md",), TemplateChoice(folders=(tmp_path,)))
    renderer.warm_all()
    assert renderer.render(runs_of("parallel-test")["full"], "md") == "ok\n"
