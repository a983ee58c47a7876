"""HTML reports: one file that needs nothing else, whose policy holds, and in which whatever is quoted stays text."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.reports.formats import Renderer, TemplateChoice
from fanfold.reports.highlight import COLOURED, LONGEST, colourable, diffed, highlighted
from fanfold.reports.page import PAGE_FILTERS, breakable, differing, paragraphs, spans, worst
from fanfold.reports.samples import FULL, runs_of
from fanfold.suites import Case, TestAttempt, TestResult, TestRunResult, TestVerdict, results_of

ROOT = Path(__file__).resolve().parents[2]
SKILLS = ("code-review", "multi-file-analysis", "parallel-test")
EVERY = [(skill, name) for skill in SKILLS for name in runs_of(skill)]


def rendered(skill, name, choice=None):
    return Renderer(skill, ["html"], choice or TemplateChoice()).render(runs_of(skill)[name], "html")


class Page(HTMLParser):
    """The elements of a page, in order, and the text of each kind."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.texts, self._open = [], {}, []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._open.append(tag)

    def handle_endtag(self, tag):
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data):
        if self._open:
            self.texts[self._open[-1]] = self.texts.get(self._open[-1], "") + data


def bare(text):
    """The page without its style and script, which are the same in all of them."""
    text = re.sub(r"(<(style|script)>).*?(</\2>)", r"\1…\3", text, flags=re.DOTALL)
    return re.sub(r"sha256-[\w+/=]+", "sha256-…", text)


@pytest.mark.parametrize(("skill", "name"), EVERY)
def test_golden_page(skill, name, golden):
    """The shipped page of each recorded run is the accepted one."""
    golden(f"{skill}/{name}.html", bare(rendered(skill, name)))


@pytest.mark.parametrize(("skill", "name"), EVERY)
def test_the_policy_allows_the_pages_own_style_and_script_alone(skill, name):
    """Both hashes are those of the text as a browser reads it; everything else is forbidden."""
    page = Page(rendered(skill, name))
    policy = next(said["content"] for tag, said in page.elements if said.get("http-equiv") == "Content-Security-Policy")
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    hashes = {
        tag: base64.b64encode(hashlib.sha256(page.texts[tag].encode()).digest()).decode() for tag in ("style", "script")
    }
    assert rules == {
        "default-src": "'none'",
        "style-src": f"'sha256-{hashes['style']}'",
        "script-src": f"'sha256-{hashes['script']}'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "require-trusted-types-for": "'script'",
    }


@pytest.mark.parametrize(("skill", "name"), EVERY)
def test_a_page_is_whole_in_itself(skill, name):
    """Nothing is fetched, no element carries its own style or script, no id comes twice, every reference is there."""
    page = Page(rendered(skill, name))
    tags = [tag for tag, _ in page.elements]
    assert tags.count("script") == tags.count("style") == 1
    assert not {"link", "img", "iframe", "object", "embed", "base", "audio", "video"} & set(tags)
    ids = [said["id"] for _, said in page.elements if "id" in said]
    assert len(ids) == len(set(ids))
    for _tag, said in page.elements:
        assert "style" not in said
        assert not [key for key in said if key.startswith("on")]
        assert not {"src", "srcset", "action", "xlink:href"} & set(said)
        assert said.get("href", "#").startswith("#")
        assert said.get("aria-labelledby", ids[0]) in ids


@pytest.mark.parametrize("skill", SKILLS)
def test_a_hostile_run_stays_text(skill):
    """What fights back is shown as it is: it makes no element, and no control character is left of it."""
    text = rendered(skill, "hostile")
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text)
    assert text.count("<script") == 1
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert {tag for tag, _ in Page(text).elements} <= {
        tag for name in runs_of(skill) for tag, _ in Page(rendered(skill, name)).elements
    }
    assert not [said for tag, said in Page(text).elements if tag == "a" and "javascript" in said["href"]]


@pytest.mark.parametrize(("skill", "name"), EVERY)
def test_headings_step_down_one_at_a_time(skill, name):
    """There is one h1, and no level is left out on the way down."""
    levels = [int(tag[1]) for tag, _ in Page(rendered(skill, name)).elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_the_lines_of_a_graph_can_be_seen():
    """Three to one against the paper, light and dark, as WCAG 2.2 (1.4.11) has it of what carries meaning."""
    style = (ROOT / "templates/partials/_style.css.j2").read_text(encoding="utf-8")
    for paper, edge in zip(
        re.findall(r"--paper: (#\w{6})", style), re.findall(r"--edge: (#\w{6})", style), strict=False
    ):
        lighter, darker = sorted((_luminance(paper), _luminance(edge)), reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) >= 3


def _luminance(colour):
    """Return the relative luminance, by the definition of WCAG."""
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_an_own_style_is_allowed_by_its_hash(tmp_path):
    """A template that adds a rule changes the policy with it; the rest of the page stays."""
    (tmp_path / "code-review").mkdir()
    (tmp_path / "code-review" / "report.html.j2").write_text(
        '{% extends "shipped/code-review/report.html.j2" %}\n'
        "{% block style %}{{ super() }}h1 { color: teal; }{% endblock %}"
    )
    page = Page(rendered("code-review", "full", TemplateChoice(None, [tmp_path])))
    assert page.texts["style"].endswith("h1 { color: teal; }")
    digest = base64.b64encode(hashlib.sha256(page.texts["style"].encode()).digest()).decode()
    assert any(f"style-src 'sha256-{digest}'" in said.get("content", "") for _, said in page.elements)


@given(st.text(max_size=80), st.sampled_from(["a.py", "a.js", "a.php", "a.html", "a.rs", "Makefile", "", "x.nope"]))
def test_highlighting_loses_no_character(code, path):
    """Whatever the language, the block's text is the code, escaped, each line numbered."""
    shown = highlighted(code, path, 7)
    page = Page(str(shown))
    text = re.sub(r"<[^>]+>", "", str(shown)).removesuffix("\n")
    plain = highlighted(code, coloured=False)
    assert text == re.sub(r"<[^>]+>", "", str(plain)).removesuffix("\n")
    assert {tag for tag, _ in page.elements} <= {"pre", "code", "span"}
    numbers = [int(said["data-n"]) for _, said in page.elements if "data-n" in said]
    assert numbers == list(range(7, 7 + len(numbers)))
    assert text.count("\n") == len(numbers) - 1


def test_code_is_coloured_by_its_language():
    """Keywords, strings, numbers and comments each have a class, over the end of a line as well."""
    assert highlighted("return 'x'", "a.py").count('class="k"') == 1
    shown = highlighted('x = """a\nb"""  # c', "a.py")
    assert '<span class="s">b&#34;&#34;&#34;</span>' in shown
    assert '<span class="c"># c</span>' in shown
    assert '<span class="k">return</span>' in highlighted("return $x;", "a.php")
    assert 'class="k"' not in highlighted("return 1", "a.unknown")


@pytest.mark.parametrize(
    ("path", "code", "keyword", "inside"),
    [
        ("a.py", 'Return the rows of a user.\n"""\nreturn rows', "return", "Return the rows of a user."),
        ("a.py", "if none is left\n    '''\n    rows = []\n    return rows", "return", "if none is left"),
        ("a.py", 'def rows(user):\n    """Return the rows\n    of a user, if', "def", "of a user, if"),
        ("a.py", 'return 1\n"""a"""\nreturn 2', "return", "a"),
        ("a.js", " * Return the rows of a user.\n */\nreturn rows", "return", " * Return the rows of a user."),
        ("a.js", 'return glob("**/*.js")\n/* of a user */', "return", "/* of a user */"),
    ],
)
def test_a_quote_may_begin_inside_of_a_docstring(path, code, keyword, inside):
    """Pygments takes it for the beginning of a file: what ends there, and never began, began before it."""
    shown = str(highlighted(code, path))
    assert f'<span class="k">{keyword}</span>' in shown
    assert re.search(rf'<span class="[sc]">[^<]*{re.escape(inside)}', shown)
    assert shown.count("data-n=") == code.count("\n") + 1


def test_the_lines_around_a_quote_are_numbered_as_they_stand():
    """What is quoted is marked; the lines before and after it have their own numbers, also around a shortened quote."""
    shown = Page(str(highlighted("b\nc", "a.py", 5, before=("a",), after=("e", "f"), end_line=7))).elements
    assert [(said["class"], said["data-n"]) for tag, said in shown if "data-n" in said] == [
        ("l", "4"), ("l q", "5"), ("l q", "6"), ("l", "8"), ("l", "9"),
    ]  # fmt: skip


def test_what_no_grammar_should_read_is_shown_without_colours():
    """A quote of a book's length, or one endless line, is escaped and no more."""
    assert 'class="k"' not in highlighted("return 1\n" * LONGEST, "a.py")
    assert 'class="k"' not in highlighted("return 1; " * 200, "a.py")


def test_colouring_ends_where_its_time_ends():
    """The worst findings are coloured, as many as the bound has room for."""
    findings = [FULL.findings[0].model_copy(update={"quote": "x" * (COLOURED // 4), "before": (), "after": ()})] * 9
    assert colourable(findings) == 4
    assert colourable(FULL.findings) == 3


def test_a_suggestion_shows_what_goes_and_what_comes():
    """Removed lines carry their old numbers, added ones their new; no header is shown, hunks are told apart."""
    shown = str(diffed("--- a/x\n+++ b/x\n@@ -3,2 +3,2 @@\n a\n-b<\n+c\n@@ -9 +9 @@\n-d\n+e\n"))
    assert "a/x" not in shown
    assert '<del class="l" data-n="4">-b&lt;\n</del><ins class="l" data-n="4">+c\n</ins>' in shown
    assert shown.count('class="hunk"') == 1
    assert '<ins class="l" data-n="9">+e' in shown


def test_what_is_no_diff_is_shown_as_it_is():
    """A suggestion of another format keeps its words."""
    assert "use &lt;b&gt;" in diffed("use <b>")


@given(st.text())
def test_prose_makes_no_element_but_its_own(text):
    """Whatever a model says becomes paragraphs with code in them."""
    assert {tag for tag, _ in Page(str(paragraphs(text))).elements} <= {"p", "code", "pre", "ul", "ol", "li"}
    assert {tag for tag, _ in Page(str(spans(text))).elements} <= {"code"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("examples/celery/make_celery.py", "examples/<wbr>celery/<wbr>make_celery.py"),
        ("tests/a.py::T::test[x/y]", "tests/<wbr>a.py::<wbr>T::<wbr>test[x/<wbr>y]"),
        ("//a<b>:1", "//<wbr>a&lt;b&gt;:1"),
        ("x" * 130, f"{'x' * 60}<wbr>{'x' * 60}<wbr>{'x' * 10}"),
        ("", ""),
    ],
)
def test_a_path_breaks_at_its_seams(text, shown):
    """Behind a slash or two colons; a name is whole as long as it fits somewhere."""
    assert breakable(text) == shown


def test_prose_keeps_code_and_paragraphs():
    """Backticks make code; an empty line makes a paragraph."""
    assert paragraphs("a `b<` c\n\n``d`e``") == "<p>a <code>b&lt;</code> c</p>\n<p><code>d`e</code></p>"


def test_prose_keeps_lists_and_code_blocks():
    """As models write them: items of either kind, a fence with a language."""
    shown = paragraphs("First:\n- a\n- b `c`\n\n3. d\n4. e\n\n```py\nx = 1 < 2\n```\nend")
    assert shown == (
        "<p>First:</p>\n<ul><li>a</li><li>b <code>c</code></li></ul>\n"
        '<ol start="3"><li>d</li><li>e</li></ol>\n'
        '<pre class="code plain"><code>x = 1 &lt; 2</code></pre>\n<p>end</p>'
    )


def _result(*verdicts):
    tests: list[TestResult] = []
    for environment, outcomes in verdicts:
        cases = [
            Case(name=f"t{n}", file="a.py", attempts=(TestAttempt(outcome=TestVerdict(outcome), duration_s=float(n)),))
            for n, outcome in enumerate(outcomes)
        ]
        tests += results_of(cases, "unit", environment)
    return TestRunResult(tests=tuple(tests))


def test_environments_are_compared():
    """A test is told when its verdicts differ, or are missing in no environment; otherwise nothing is."""
    found = differing(_result(("3.11", ["passed", "failed"]), ("3.12", ["passed", "passed", "skipped"])))
    assert found
    assert found.environments == ("3.11", "3.12")
    assert found.rows == (("unit::a.py::t1", (TestVerdict.FAILED, TestVerdict.PASSED)),)
    assert differing(_result(("3.11", ["passed", "failed"]))) is None


def test_the_worst_tests_come_first():
    """What went wrong, then the slowest, as many as are wanted."""
    tests = worst(_result(("default", ["passed", "failed", "passed", "lost", "crashed"])), 4)
    assert [test.name for test in tests] == ["t4", "t1", "t3", "t2"]


def test_the_documentation_names_what_is_there():
    """Blocks and filters of HTML in templates/README.md are those of the templates and of the code."""
    text = (ROOT / "templates" / "README.md").read_text(encoding="utf-8").split("## HTML\n")[1].split("\n## ")[0]
    base, own = re.findall(r"^`.*\.$", text, re.MULTILINE)
    shipped = {
        name: re.findall(r"{% block (\w+)[ %]", (ROOT / f"templates/{name}.html.j2").read_text(encoding="utf-8"))
        for name in ("partials/base", "code-review/report", "multi-file-analysis/report", "parallel-test/report")
    }
    assert re.findall(r"`(\w+)`", base.split("blocks:")[1]) == shipped["partials/base"]
    added = [block for name, blocks in shipped.items() if name != "partials/base" for block in blocks]
    assert re.findall(r"`(\w+)`", own.replace("`content`", "")) == [
        b for b in added if b not in shipped["partials/base"]
    ]
    named = re.findall(r"`(\w+)(?:\([\w, ]+\))?`(?=[^|\n]*\|[^|\n]*\|[^|\n]*\|\n)", text)
    assert set(named) == set(PAGE_FILTERS)
