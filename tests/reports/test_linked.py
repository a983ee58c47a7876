"""The linked pages of an analysis: every link leads to a page of the set, whatever the names in it are."""

import posixpath
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from fanfold.reports.analysed import AnalysisResult, Link, Module, ModuleGraph, Row, Table, analysis_of
from fanfold.reports.analysed_samples import ANALYSES, FULL
from fanfold.reports.linked import INDEX, MARK, module_of, pages
from fanfold.sources.setaside import set_aside


def linked(name):
    return pages(ANALYSES[name], f"# {name}\n")


def targets(path, text):
    """Return where the links of a page lead, from the index' folder."""
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    links = [child for token in tokens for child in token.children or () if child.type == "link_open"]
    return [posixpath.normpath(posixpath.join(posixpath.dirname(path), str(link.attrs["href"]))) for link in links]


def checked(found):
    """Hold a set to its promises: all links lead somewhere, every page can be reached, names are plain."""
    reached = {INDEX}
    for path, text in found.items():
        assert text.startswith(f"{MARK}\n\n")
        assert re.fullmatch(r"index\.md|(modules|facts)/[A-Za-z0-9._-]+\.md", path)
        assert set(targets(path, text)) <= found.keys()
        reached.update(targets(path, text))
    assert reached == found.keys()
    assert len({path.lower() for path in found}) == len(found)


@pytest.mark.parametrize("name", ANALYSES)
def test_every_link_leads_to_a_page(name):
    """And every page is reached from another one; the index comes last."""
    found = linked(name)
    checked(found)
    assert list(found)[-1] == INDEX


def test_what_the_pages_say(golden):
    """The index is the report with the graph; a module's page has its links, notes and facts."""
    found = linked("full")
    assert list(found) == [
        "modules/shop-orders.py.md",
        "modules/shop-store.py.md",
        "modules/shop-tax.py.md",
        "modules/web.md",
        "facts/fan-in.md",
        "facts/entry-points.md",
        INDEX,
    ]
    for path in ("modules/shop-tax.py.md", "facts/fan-in.md", INDEX):
        golden(f"multi-file-analysis/docs/{path.replace('/', '-')}", found[path])


def test_a_page_is_not_analysed_itself():
    """The next run sets it aside as generated."""
    assert set_aside("docs/index.md", linked("full")[INDEX]) == "generated"


def test_a_file_belongs_to_the_nearest_module():
    """Itself, or the folder around it that is one."""
    graph = analysis_of(FULL).graph
    assert [found and found.name for found in (module_of(graph, p) for p in ("shop/tax.py", "web/a/b.py", "x.py"))] == [
        "shop/tax.py",
        "web",
        None,
    ]


_NAMES = st.lists(st.text(alphabet="ab/.-`|\\[]() \n*_A", min_size=1, max_size=12), min_size=1, max_size=8, unique=True)


@given(_NAMES)
def test_any_names_make_a_whole_set(names):
    """Names that differ in case or in what no file name can hold have pages of their own."""
    modules = tuple(Module(name=name, files=1, lines=1, tokens=1) for name in names)
    result = AnalysisResult(
        question="?",
        graph=ModuleGraph(modules=modules, links=(Link(source=names[0], target=names[-1]),)),
        tables=tuple(
            Table(
                name=name,
                title=name,
                columns=(name,),
                rows=(Row(path=name, line=1, end_line=1, cells=(name,)),),
                total=1,
            )
            for name in names
        ),
    )
    checked(pages(FULL.model_copy(update={"result": result.model_dump(mode="json")}), "# x\n"))
