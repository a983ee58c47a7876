"""Reports of analyses: the answer as text, the module graph as a drawing and as mermaid, whatever names they hold."""

import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from fanfold.errors import UsageError
from fanfold.reports.analysed import AnalysisResult, Citation, Link, Module, ModuleGraph, Row, Table, analysis_of
from fanfold.reports.analysed_samples import ANALYSES, FULL
from fanfold.reports.answers import answer_html, answer_markdown
from fanfold.reports.formats import Renderer, TemplateChoice
from fanfold.reports.mermaid import MOST_LINKS, flowchart
from fanfold.reports.module_graph import (
    implied_links,
    layout,
    module_graph_style,
    module_graph_svg,
    neighbours,
    shortest_names,
)
from fanfold.reports.samples import FULL as REVIEW

CITED = Citation(path="a.py", line=1, end_line=1, quote="x", status="verified")


def rendered(name, form="md"):
    return Renderer("multi-file-analysis", [form], TemplateChoice()).render(ANALYSES[name], form)


@pytest.mark.parametrize("name", ANALYSES)
@pytest.mark.parametrize(("form", "ending"), [("md", "md"), ("mermaid", "mmd")])
def test_golden_report(name, form, ending, golden):
    """The shipped report of each recorded analysis is the accepted one."""
    golden(f"multi-file-analysis/{name}.{ending}", rendered(name, form))


@pytest.mark.parametrize("name", ANALYSES)
def test_no_report_has_gaps_or_loose_ends(name):
    """No two blank lines follow each other outside of quoted code, and the last line ends."""
    text = re.sub(r"^(`{3,}).*?^\1$", "(code)", rendered(name), flags=re.MULTILINE | re.DOTALL)
    assert "\n\n\n" not in text
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


def test_a_hostile_analysis_stays_text():
    """No link, image, HTML or control character of it is markup in the report."""
    text = rendered("hostile")
    assert "\x1b" not in text
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    kinds = {child.type for token in tokens for child in token.children or ()} | {token.type for token in tokens}
    assert not kinds & {"html_block", "html_inline", "link_open", "image"}


def answered(text, citations=3):
    return AnalysisResult(question="?", answer=text, citations=(CITED,) * citations)


@pytest.mark.parametrize(
    ("text", "markdown", "html"),
    [
        ("# A", "## A", "<h3>A</h3>"),
        ("a [1] b", "a [1] b", '<p>a <a class="cite" href="#c1">[1]</a> b</p>'),
        ("a [9]", "a \\[9]", "<p>a [9]</p>"),
        ("a [1](x)", "a [1]\\(x)", '<p>a <a class="cite" href="#c1">[1]</a>(x)</p>'),
        ("**a** *b* `c`", "**a** *b* `c`", "<p><strong>a</strong> <em>b</em> <code>c</code></p>"),
        ("a \\[x\\] b", "a [x] b", "<p>a [x] b</p>"),
        ("1. a\n2. b", "1. a\n2. b", "<ol>\n<li>a</li>\n<li>b</li>\n</ol>"),
        ("- a\n  more\n- b\n\nc", "- a more\n- b\n\nc", "<ul>\n<li>a more</li>\n<li>b</li>\n</ul>\n<p>c</p>"),
        ("~~~py\nx = 1", "```py\nx = 1\n```", '<pre class="code plain"><code>x = 1</code></pre>'),
        ("<b>a</b>", "\\<b>a\\</b>", "<p>&lt;b&gt;a&lt;/b&gt;</p>"),
        ("![a](b)", "![a\\](b)", "<p>![a](b)</p>"),
        ("", "", ""),
    ],
)
def test_what_an_answer_may_hold(text, markdown, html):
    """Headings, paragraphs, lists, code, emphasis and citations that exist; all else is text."""
    assert answer_markdown(answered(text)) == markdown
    assert str(answer_html(answered(text))) == html


_MARKED = st.text(alphabet="ab *_`[]()123<>#-~\\\n|!:\"'/x.", max_size=120)


@given(_MARKED)
def test_no_answer_makes_more_markup_than_it_may(text):
    """Whatever it is: in markdown no link, image, HTML or heading of the first level, in HTML only known elements."""
    result = answered(text)
    tokens = MarkdownIt("commonmark").enable("table").parse(answer_markdown(result))
    kinds = {child.type for token in tokens for child in token.children or ()} | {token.type for token in tokens}
    assert not kinds & {"html_block", "html_inline", "link_open", "image", "table_open", "hr", "blockquote_open"}
    assert "h1" not in {token.tag for token in tokens}
    tags = set(re.findall(r"<(/?\w+)", str(answer_html(result))))
    assert tags <= {
        f"{slash}{tag}"
        for slash in ("", "/")
        for tag in ["h3", "p", "ul", "ol", "li", "pre", "code", "strong", "em", "a"]
    }


def module(name, layer=0, cycle=None):
    return Module(name=name, files=1, lines=10, tokens=100, layer=layer, cycle=cycle)


_NAMES = st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=25, unique=True)


@given(_NAMES, st.randoms(use_true_random=False))
def test_any_graph_can_be_drawn(names, random):
    """Well-formed, every module once, inside of the picture, none upon another, and the same again."""
    graph = ModuleGraph(
        modules=tuple(module(name, random.randrange(4), random.choice([None, 1])) for name in names),
        links=tuple(Link(source=random.choice(names), target=random.choice(names)) for _ in range(30)),
    )
    svg = str(module_graph_svg(graph))
    root = ET.fromstring(svg)  # noqa: S314  our own drawing
    width, height = (float(number) for number in root.attrib["viewBox"].split()[2:])
    boxes = [(float(r.attrib["x"]), float(r.attrib["y"])) for r in root.iter("rect")]
    assert len(boxes) == len(names) == len(set(boxes))
    assert all(x >= 0 and x + 188 <= width and y >= 0 and y + 38 <= height for x, y in boxes)
    assert svg == str(module_graph_svg(graph))


def test_what_imports_stands_above():
    """Links lead down, but for those of a cycle."""
    graph = analysis_of(FULL).graph
    placed = layout(graph)
    for link in graph.links:
        source, target = placed[link.source], placed[link.target]
        assert source.y < target.y or source.module.cycle == target.module.cycle


def test_a_node_can_be_reached_and_says_what_it_is():
    """It is a link to its row of the table, named by its title, and its links stand out while it is looked at."""
    graph = analysis_of(FULL).graph
    svg = str(module_graph_svg(graph))
    assert '<a href="#m1" class="bar node n1 cycle"><title>shop/store.py · 1 file, 80 lines · imports 1 mod' in svg
    assert ".graph:has(.n3:is(:hover, :focus-within, .here)) .e3" in module_graph_style(graph)
    assert neighbours(graph, graph.modules[0]) == (["shop/store.py", "shop/tax.py"], ["web", "shop/store.py"])


@pytest.mark.parametrize(
    ("names", "texts"),
    [
        (["a/x_of_some_example/__init__.py", "b/__init__.py"], ["x_of_some_example/", "__init__.py"]),
        (["src/the_application/of_this_company/views.py", "b/views.py"], ["of_this_company/views.py"]),
        (["a" * 40 + ".py"], [f"{'a' * 13}…{'a' * 10}.py"]),
        (["a/" + "b" * 30 + "/__init__.py", "c/__init__.py"], [f"…{'b' * 25}/", "__init__.py"]),
        (["aa/bbbb_bbbb_bbbb/cccc_cccc_cccc/x.py", "d/cccc_cccc_cccc/x.py"], ["…/cccc_cccc_cccc/", "x.py"]),
    ],
)
def test_a_box_holds_what_its_module_is_called(names, texts):
    """The folder goes on a line of its own; what is endless still shows both its ends."""
    svg = ET.fromstring(str(module_graph_svg(ModuleGraph(modules=tuple(map(module, names))))))  # noqa: S314  our own
    node = next(one for one in svg.iter("a") if (one.findtext("title") or "").startswith(names[0]))
    assert [text.text for text in node.iter("text")] == texts
    assert all(len(text) <= 27 for text in texts)


@pytest.mark.parametrize("form", ["md", "html", "pr-comment", "job-summary"])
def test_tables_without_rows_are_one_line(form):
    """Their headings and explanations would say nothing; one that stands alone was asked for, and keeps them."""
    empty = [Table(name=name, title=name, about=f"What {name} means.") for name in ("Cycles", "API of it", "Dead code")]
    rows = (Row(path="a.py", line=1, end_line=1, cells=(None, 0)), Row(path="b.py", line=1, end_line=1, cells=("", 1)))
    table = Table(name="full", title="Full", columns=("hollow", "number"), rows=rows, total=2)
    text = shown([empty[0], table, *empty[1:]], form)
    assert "None found: cycles, API of it, dead code." in text
    assert "means." not in text
    assert "hollow" not in text
    assert text.index("number") < text.index("None found:")
    alone = shown(empty[:1], form)
    assert "What Cycles means." in alone
    assert "None found:" not in alone


def shown(tables, form):
    """Return the report on an analysis that has these tables."""
    result = {**FULL.result, "tables": [table.model_dump(mode="json") for table in tables]}
    return Renderer(FULL.skill, [form], TemplateChoice()).render(FULL.model_copy(update={"result": result}), form)


def test_the_contents_lead_to_the_tables_that_are_there():
    """Whatever stands before them without a row."""
    full = analysis_of(FULL).tables[0]
    page = shown([Table(name="x", title="Nothing"), full], "html")
    anchor = re.search(rf'<li><a href="#(\w+)">{full.title}</a></li>', page)
    assert anchor
    assert f'<h2 id="{anchor[1]}">{full.title}</h2>' in page


@pytest.mark.parametrize(
    ("letters", "css"), [(60, ""), (61, "long"), (110, "long"), (111, "longest"), (200, "longest")]
)
def test_a_long_question_is_set_smaller(letters, css):
    """By how many letters it shows, not by the characters that stand for them in HTML."""
    result = {**FULL.result, "question": "&" * letters}
    text = Renderer(FULL.skill, ["html"], TemplateChoice()).render(FULL.model_copy(update={"result": result}), "html")
    assert (f'<h1 class="{css}">' if css else "<h1>") + "&amp;" * letters in text


def test_an_empty_graph_is_nothing():
    """No drawing, no rule; mermaid says so."""
    assert module_graph_svg(ModuleGraph()) == module_graph_style(ModuleGraph()) == ""
    assert "no module imports another one" in flowchart(ModuleGraph())


def test_names_are_as_short_as_they_are_unique():
    """The end that no other one shares, and the folder in any case: `basic` alone says nothing of `examples/basic`."""
    graph = ModuleGraph(modules=tuple(map(module, ["c/a/x.py", "d/a/x.py", "c/b/y.py", "c/b/__init__.py", "b"])))
    assert list(shortest_names(graph).values()) == ["c/a/x.py", "d/a/x.py", "b/y.py", "b/__init__.py", "b"]
    packages = ["packages/cart/src/index.ts", "packages/cart/src/cart.ts", "src/main.ts"]
    of_many = shortest_names(ModuleGraph(modules=tuple(map(module, packages))))
    assert list(of_many.values()) == ["cart/src/index.ts", "cart/src/cart.ts", "src/main.ts"]


def test_links_that_others_imply_are_drawn_when_they_are_looked_at():
    """A way over others says as much; the few links of a small graph are all drawn, and none are lost."""
    names = [f"m{n}" for n in range(20)]
    every = [(a, b) for a in range(20) for b in range(a + 1, 20)]
    modules = tuple(Module(name=name, files=1, lines=1, tokens=1, layer=19 - n) for n, name in enumerate(names))
    graph = ModuleGraph(modules=modules, links=tuple(Link(source=names[a], target=names[b], files=1) for a, b in every))
    assert implied_links(graph) == {(names[a], names[b]) for a, b in every if b > a + 1}
    assert module_graph_svg(graph).count(" implied ") == len(every) - 19
    assert module_graph_svg(graph).count("marker-end") == len(every)
    assert implied_links(ModuleGraph(modules=modules, links=graph.links[:60])) == set()


@given(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11), st.integers(1, 3)), min_size=61, max_size=120))
def test_what_can_be_reached_over_links_that_are_drawn_stays_the_same(pairs):
    """Whatever is left out of a drawing, in cycles too, is still said by it."""
    found = {(f"m{a}", f"m{b}"): files for a, b, files in pairs if a != b}
    modules = tuple(Module(name=f"m{n}", files=1, lines=1, tokens=1, layer=n % 4) for n in range(12))
    links = tuple(Link(source=a, target=b, files=files) for (a, b), files in found.items())
    drawn = found.keys() - implied_links(ModuleGraph(modules=modules, links=links))
    assert reached(drawn) == reached(found)


def reached(links):
    """Return all pairs between which there is a way."""
    ways = set(links)
    while more := {(a, d) for a, b in ways for c, d in links if b == c} - ways:
        ways |= more
    return ways


@given(st.text(max_size=40), st.text(max_size=40))
def test_mermaid_holds_names_as_text(name, note):
    """A label is letters, digits and character numbers between two quotes: it ends nowhere else."""
    lines = flowchart(ModuleGraph(modules=(module(name),), note=note)).splitlines()
    nodes = [line for line in lines if line.startswith("  n0[")]
    assert len(nodes) == 1
    assert re.fullmatch(r'  n0\["(?:[A-Za-z0-9 _./-]|#\d+;)*"\]', nodes[0])
    assert all(re.fullmatch(r"flowchart TB|  %% [A-Za-z0-9 ,;.]*|  n0.*", line) for line in lines)


def test_mermaid_draws_the_strongest_links():
    """It refuses to draw very many; how many are left out is said."""
    modules = tuple(module(f"m{number}") for number in range(40))
    links = tuple(
        Link(source=f"m{a}", target=f"m{b}", files=1 + (a == 0)) for a in range(40) for b in range(40) if a != b
    )
    text = flowchart(ModuleGraph(modules=modules, links=links))
    assert text.count("-->") == MOST_LINKS
    assert text.count("n0 -->|2|") == 39
    assert f"{len(links) - MOST_LINKS} links of fewer files are not drawn" in text


def test_a_graph_is_for_analyses_alone():
    """Of a review there is nothing to draw, and that is said before anything runs."""
    with pytest.raises(UsageError, match="for runs of multi-file-analysis"):
        Renderer("code-review", ["mermaid"], TemplateChoice())
    with pytest.raises(UsageError):
        analysis_of(REVIEW)


def test_a_link_past_a_box_is_seen():
    """One that skips a layer straight down would be hidden by the box between its ends: it is led around it."""
    names = ("a.py", "b.py", "c.py")
    modules = tuple(Module(name=n, files=1, lines=1, tokens=1, layer=2 - at, cycle=None) for at, n in enumerate(names))
    pairs = (("a.py", "b.py"), ("b.py", "c.py"), ("a.py", "c.py"))
    graph = ModuleGraph(modules=modules, links=tuple(Link(source=s, target=t, files=1) for s, t in pairs))
    paths = re.findall(r'class="link[^"]*" d="M([\d.]+) [\d.]+C([\d.]+) ', str(module_graph_svg(graph)))
    aside = [float(control) - float(start) for start, control in paths]
    assert aside[:2] == [0.0, 0.0]
    assert 0.75 * aside[2] > 188 / 2  # half a box
