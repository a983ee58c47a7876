"""Reports of analyses: the answer as text, the module graph as a drawing and as mermaid, whatever names they hold."""

import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from fanfold.errors import UsageError
from fanfold.reports.analysed import AnalysisResult, Citation, Link, Module, ModuleGraph, analysis_of
from fanfold.reports.analysed_samples import ANALYSES, FULL
from fanfold.reports.answers import answer_html, answer_markdown
from fanfold.reports.formats import Renderer, TemplateChoice
from fanfold.reports.mermaid import MOST_LINKS, flowchart
from fanfold.reports.module_graph import layout, module_graph_style, module_graph_svg, neighbours, shortest_names
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
        ("a [9]", "a \\[9\\]", "<p>a [9]</p>"),
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
    assert all(x >= 0 and x + 154 <= width and y >= 0 and y + 34 <= height for x, y in boxes)
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


def test_an_empty_graph_is_nothing():
    """No drawing, no rule; mermaid says so."""
    assert module_graph_svg(ModuleGraph()) == module_graph_style(ModuleGraph()) == ""
    assert "no module imports another one" in flowchart(ModuleGraph())


def test_names_are_as_short_as_they_are_unique():
    """The end that no other one shares; what every package has keeps its folder."""
    graph = ModuleGraph(modules=tuple(map(module, ["a/x.py", "b/x.py", "b/y.py", "b/__init__.py", "b"])))
    assert list(shortest_names(graph).values()) == ["a/x.py", "b/x.py", "y.py", "b/__init__.py", "b"]


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
