"""A template can't leave its sandbox, nor go on for ever, nor fill the memory; an ordinary one meets no bound."""

import pytest

from fanfold.errors import TemplateError
from fanfold.reports import sandbox
from fanfold.reports.formats import Renderer, TemplateChoice
from fanfold.reports.samples import FULL


@pytest.fixture
def render(tmp_path):
    """Render the full run with a template of this source."""

    def rendered(source, run=FULL, name="mine.md.j2"):
        own = tmp_path / name
        own.write_text(source)
        return Renderer("code-review", ["md"], TemplateChoice(own)).render(run, "md")

    return rendered


BOMBS = {
    "a huge range": "{% for n in range(10**9) %}x{% endfor %}",
    "loops in loops": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "a filtered loop": "{% for a in range(99999) %}{% for b in range(99999) if b < 0 %}{% endfor %}{% endfor %}",
    "ranges without loops": "{% for a in range(99999) %}{% set x = range(99999) | sum %}{% endfor %}",
    "macros that call each other": "{% macro f(n) %}{{ f(n - 1) ~ f(n - 1) if n }}{% endmacro %}{{ f(60) }}",
    "a macro without end": "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "an include of itself": "{% include 'mine.md.j2' %}",
    "a product": "{{ 'x' * 10**10 }}",
    "a product of lists": "{{ [1] * 10**10 }}",
    "a power": "{{ 9 ** 9 ** 9 }}",
    "a width": "{{ '%1000000000d' % 1 }}",
    "a width as a filter": "{{ '%1000000000d' | format(1) }}",
    "a width by method": "{{ '{:1000000000}'.format(1) }}",
    "a width by argument": "{{ '{:{}}'.format(1, 10**9) }}",
    "a starred width": "{{ '%*d' % (1000000000, 1) }}",
    "padding": "{{ 'x'.ljust(10**10) }}",
    "padding as a filter": "{{ 'x' | center(10**10) }}",
    "batches": "{{ [1] | batch(10**10, 'x') | list }}",
    "doubling": "{% set n = namespace(t='x' * 100) %}{% for i in range(60) %}{% set n.t = n.t ~ n.t %}{% endfor %}",
    "doubling by plus": "{% set n = namespace(t='ab') %}{% for i in range(60) %}{% set n.t = n.t + n.t %}{% endfor %}",
    "replacing": "{{ ('x' * 10**6).replace('x', 'y' * 10**6) }}",
    "a long report": "{% set t = 'x' * 10**6 %}{% for n in range(99999) %}{{ t }}{% endfor %}",
    "filler": "{{ lipsum(n=10**9) }}",
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_what_would_not_end_is_refused(render, bomb):
    """With file and line, soon, and before the memory is full."""
    with pytest.raises(TemplateError, match=r"mine\.md\.j2:(1:)? "):
        render(BOMBS[bomb])


WAYS_OUT = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ run.__init__.__globals__ }}",
    "{{ run['__class__'] }}",
    "{{ run | attr('__class__') }}",
    "{{ run.model_dump.__func__ }}",
    "{{ run.parse_file('/etc/passwd') }}",
    "{{ run.parse_raw('', proto='pickle', allow_pickle=True) }}",
    "{{ run | attr('parse_raw') }}",
    "{{ run.findings[0].model_validate({}) }}",
    "{{ [run] | map(attribute='parse_raw') | join }}",
    "{{ '{0.__class__}'.format(run) }}",
    "{{ '{0.__class__}'.format_map({'0': run}) }}",
    "{{ run.findings.__class__ }}",
    "{{ range.__self__ }}",
    "{{ cycler.__init__.__globals__.os }}",
    "{{ self.__init__.__globals__ }}",
    "{{ (run | inline).__class__ }}",
    "{% include '/etc/passwd' %}",
    "{% include '../../../../etc/passwd' %}",
    "{% import 'os' as os %}",
    "{{ run.request.update({'x': 1}) }}",
    "{{ run.usage.errors.clear() }}",
    "{{ [].append(1) }}",
]


@pytest.mark.parametrize("source", WAYS_OUT)
def test_there_is_no_way_out(render, source):
    """Neither into Python nor into files; nothing of the run can be changed."""
    with pytest.raises(TemplateError, match="mine"):
        render(source)


def test_ordinary_templates_meet_no_bound(render):
    """Loops know their length and index, loops in loops and recursion work, texts join and pad."""
    assert render("{% for f in run.findings %}{{ loop.index }}/{{ loop.length }} {% endfor %}") == "1/3 2/3 3/3 \n"
    assert render("{% for n in [1, [2, [3]]] recursive %}{{ n if n is number else loop(n) }}{% endfor %}") == "123\n"
    assert (
        render("{% for a in range(300) %}{% for b in range(300) %}{% endfor %}{% endfor %}{{ 'x' * 3 ~ 1 }}")
        == "xxx1\n"
    )
    assert render("{{ 'a' | center(5) }}|{{ '%5.1f' | format(2.25) }}|{{ [1,2,3] | batch(2, 0) | list }}") == (
        "  a  |  2.2|[[1, 2], [3, 0]]\n"
    )
    assert render("{% for f in run.findings if f.introduced %}{{ f.id }}{% else %}none{% endfor %}") == "F1F2\n"


def test_each_render_has_its_own_count(tmp_path, monkeypatch):
    """What one run took is not taken from the next."""
    monkeypatch.setattr(sandbox, "MOST_STEPS", 100)
    own = tmp_path / "mine.md.j2"
    own.write_text("{% for a in range(40) %}{% endfor %}x")
    renderer = Renderer("code-review", ["md"], TemplateChoice(own))
    assert {renderer.render(FULL, "md") for _ in range(4)} == {"x\n"}


@pytest.mark.parametrize(("name", "shows"), [("a.html.j2", "&lt;b&gt;"), ("a.svg.j2", "&lt;b&gt;"), ("a.md.j2", "<b>")])
def test_what_a_template_writes_is_told_by_its_name(tmp_path, name, shows):
    """HTML and XML are escaped by themselves; a folder's name says nothing."""
    folder = tmp_path / "pages.html.d"
    folder.mkdir()
    (folder / name).write_text("{{ '<b>' }}")
    assert Renderer("code-review", ["md"], TemplateChoice(folder / name)).render(FULL, "md") == f"{shows}\n"


def test_no_text_that_a_template_forgot_steers_the_terminal(render):
    """Even one that no filter has seen."""
    run = FULL.model_copy(update={"notes": ("a\x1b[31mb\x1b]0;x\x07c\u202ed\x9b2Je",)})
    assert render("{{ run.notes | join }}", run) == "abcde\n"
