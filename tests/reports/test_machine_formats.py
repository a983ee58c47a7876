"""Formats for machines: each fits its schema, whatever was found, and none looks whole when the run is not."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from fanfold import __version__
from fanfold.errors import UsageError
from fanfold.models import Coverage, Finding, Occurrence, Severity, TargetRecord, Verdict
from fanfold.reports import github
from fanfold.reports.escape import code, fenced, inline, prose
from fanfold.reports.formats import CODED, FORMATS, ONLY, Renderer, TemplateChoice
from fanfold.reports.machine import gap, rule_of
from fanfold.reports.mentions import unmentioned
from fanfold.reports.samples import EMPTY, FULL, HOSTILE, PARTIAL, RUNS
from fanfold.sources.edits import unified

SCHEMAS = Path(__file__).resolve().parents[1] / "schemas"
# Each format, and the schema that it is held to.
HELD_TO = {
    "sarif": "sarif-2.1.0",
    "github": "github-review",
    "gitlab": "gitlab-code-quality",
    "rdjson": "rdjson",
    "findings": "report-findings",
}
COUNT = 5_000


def rendered(run, name):
    return Renderer("code-review", [name], TemplateChoice()).render(run, name)


def parsed(run, name):
    return json.loads(rendered(run, name))


def one(**fields):
    """Return a run with one finding, of these fields."""
    return FULL.model_copy(update={"findings": (FULL.findings[0].model_copy(update=fields),)})


def many():
    """Return a run with thousands of findings, of which every third has a suggestion and none a line of another."""
    findings = tuple(
        FULL.findings[n % 3].model_copy(update={"id": f"F{n}", "line": n + 1, "end_line": n + 2, "introduced": True})
        for n in range(COUNT)
    )
    return FULL.model_copy(update={"findings": findings})


ALL = {**RUNS, "many": many()}


def test_every_format_for_machines_is_held_to_a_schema():
    """A format that is registered is tested here; no two write to the same file."""
    reviews = {name for name in CODED if ONLY.get(name, "code-review") == "code-review"}
    assert set(HELD_TO) == reviews - {"json"}
    assert len(set(FORMATS.values())) == len(FORMATS)


@pytest.mark.parametrize("name", HELD_TO)
def test_a_run_without_findings_of_its_own_is_refused(name):
    """Of a test run with failures, a list of findings would say that nothing was found."""
    with pytest.raises(UsageError, match=f"--format {name} is for runs of code-review"):
        Renderer("parallel-test", [name], TemplateChoice())


@pytest.mark.parametrize("run", ALL)
@pytest.mark.parametrize("name", HELD_TO)
def test_it_fits_its_schema(name, run):
    """Full, empty, partial, hostile, and thousands of findings."""
    schema = json.loads((SCHEMAS / f"{HELD_TO[name]}.json").read_text(encoding="utf-8"))
    validator = jsonschema.validators.validator_for(schema)(schema)
    validator.check_schema(schema)
    errors = [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(parsed(ALL[run], name))]
    assert not errors, errors[:5]


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("name", HELD_TO)
def test_golden(name, run, golden):
    """What is written of each sample run is what was accepted."""
    golden(f"code-review/{run}.{FORMATS[name]}", rendered(RUNS[run], name).replace(__version__, "VERSION"))


@pytest.mark.parametrize("name", HELD_TO)
def test_a_partial_run_says_so(name):
    """Without findings it still does not look like one that found nothing, and names what is missing."""
    whole, partial = rendered(EMPTY, name), rendered(PARTIAL, name)
    assert "ncomplete: 6 of 8 units covered" in partial
    assert "security — no answer in 300 s" in partial
    assert "units covered" not in whole


def test_sarif_of_a_partial_run_did_not_succeed():
    """What reads no message still sees that the tool did not do all of its work."""
    assert parsed(PARTIAL, "sarif")["runs"][0]["invocations"][0]["executionSuccessful"] is False
    assert parsed(EMPTY, "sarif")["runs"][0]["invocations"][0]["executionSuccessful"] is True


def test_a_run_that_looked_at_nothing_says_so():
    """No unit was planned: that is no clean bill either."""
    nothing = EMPTY.model_copy(update={"coverage": Coverage(), "units": ()})
    assert str(gap(nothing)).startswith("Nothing was looked at")
    for name in HELD_TO:
        assert "Nothing was looked at" in rendered(nothing, name)


@pytest.mark.parametrize("name", HELD_TO)
def test_no_finding_is_still_a_document(name):
    """Zero findings give every artefact."""
    document = parsed(EMPTY, name)
    found = {
        "sarif": lambda: document["runs"][0]["results"],
        "github": lambda: document["comments"],
        "gitlab": lambda: document,
        "rdjson": lambda: document["diagnostics"],
        "findings": lambda: document["findings"],
    }[name]()
    assert found == []


@pytest.mark.parametrize("name", HELD_TO)
def test_what_was_dismissed_is_not_shown(name):
    """Only SARIF has a place for it: as a suppressed result."""
    dismissed = one(suppressed="not reachable from outside")
    text = rendered(dismissed, name)
    if name == "sarif":
        (result,) = json.loads(text)["runs"][0]["results"]
        assert result["suppressions"] == [
            {"kind": "external", "status": "accepted", "justification": "not reachable from outside."}
        ]
    else:
        assert "order's name" not in text


# -- SARIF


def test_sarif_results_name_their_rules():
    """Each result's index is that of its rule; each rule has help, and those of security their severity."""
    (log,) = parsed(FULL, "sarif")["runs"]
    rules = log["tool"]["driver"]["rules"]
    for result in log["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    assert [rule["id"] for rule in rules] == ["ruff/S608", "correctness/needless-wait", "ruff/E722"]
    assert all(rule["help"]["markdown"] and rule["help"]["text"] for rule in rules)
    assert [rule["properties"].get("security-severity") for rule in rules] == ["8.0", None, "5.5"]


def test_sarif_fingerprints_are_apart():
    """GitHub takes results with one fingerprint for one result; the same run gives the same ones."""
    (log,) = parsed(ALL["many"], "sarif")["runs"]
    prints = [result["partialFingerprints"]["primaryLocationLineHash"] for result in log["results"]]
    assert len(set(prints)) == COUNT
    assert rendered(ALL["many"], "sarif") == rendered(ALL["many"], "sarif")


def test_sarif_of_older_findings_never_fails_a_build():
    """What stood there before is a note, however grave."""
    (result,) = parsed(one(introduced=False, severity=Severity.CRITICAL), "sarif")["runs"][0]["results"]
    assert result["level"] == "note"
    assert result["message"]["text"].startswith("There before this change: ")


def test_sarif_messages_hold_no_links_and_no_places_for_arguments():
    """Both are markup even in plain text."""
    (result,) = parsed(one(title="See [x](javascript:alert(1)) and {0} of {name}"), "sarif")["runs"][0]["results"]
    assert result["message"]["text"].startswith("See \\[x\\](javascript:alert(1)) and {{0}} of {name}. ")


@pytest.mark.parametrize(
    ("path", "uri"),
    [("a b/c#d.py", "a%20b/c%23d.py"), ("täst.py", "t%C3%A4st.py"), ("\\xff.py", "%FF.py"), ("a:b?.py", "a%3Ab%3F.py")],
)
def test_sarif_uris_are_encoded(path, uri):
    """Every byte of a file's name that means something in a URI is escaped; a name that is no UTF-8 keeps its bytes."""
    (result,) = parsed(one(path=path, suggestion=None), "sarif")["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == uri


def test_a_fix_is_what_the_diff_does():
    """SARIF and rdjson replace whole lines; SARIF's text has the file's own line endings."""
    text = "".join(f"{n}\r\n" for n in range(1, 50))
    diff = unified("src/orders.py", text, text.replace("41\r\n42\r\n", "forty-one\r\nx\r\nforty-two\r\n"))
    (fix,) = parsed(one(suggestion=diff), "sarif")["runs"][0]["results"][0]["fixes"]
    (replacement,) = fix["artifactChanges"][0]["replacements"]
    assert replacement["deletedRegion"] == {"startLine": 41, "endLine": 42}
    assert replacement["insertedContent"]["text"] == "forty-one\r\nx\r\nforty-two"
    (diagnostic,) = parsed(one(suggestion=diff), "rdjson")["diagnostics"]
    (suggestion,) = diagnostic["suggestions"]
    assert suggestion == {"range": {"start": {"line": 41}, "end": {"line": 42}}, "text": "forty-one\nx\nforty-two"}


def test_a_suggestion_for_another_file_is_no_fix():
    """A record from elsewhere can't make a fix reach into a file that the finding is not about."""
    other = one(suggestion=unified(".github/workflows/ci.yml", "a\n", "b\n"))
    assert "fixes" not in parsed(other, "sarif")["runs"][0]["results"][0]
    assert "suggestions" not in parsed(other, "rdjson")["diagnostics"][0]
    assert "```suggestion" not in rendered(other, "github")


def test_further_places_are_told():
    """SARIF relates them to the result, a comment lists the first; what annotates lines annotates all of them."""
    other = Occurrence(path="src/other.py", line=7, end_line=8, quote="except:")
    (result,) = parsed(one(also=(other,)), "sarif")["runs"][0]["results"]
    assert result["relatedLocations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "src/other.py"
    (comment,) = review(also=(other,) * 20)["comments"]
    assert "Also in `src/other.py:7-8`" in comment["body"]
    assert "and 12 more places." in comment["body"]
    issues = parsed(one(also=(other,) * 3), "gitlab")
    assert [issue["location"]["path"] for issue in issues] == ["src/orders.py", *["src/other.py"] * 3]
    assert len({issue["fingerprint"] for issue in issues}) == 4
    assert len(parsed(one(also=(other,) * 3), "rdjson")["diagnostics"]) == 4


# -- GitHub


def review(*, lines=None, **fields):
    run = one(**fields)
    target = run.target.model_copy(update={"shown": lines or {"src/orders.py": ((38, 50),)}, "head": "b" * 40})
    return github.review(run.model_copy(update={"target": target}))


def test_github_comments_are_on_lines_of_the_diff():
    """Wherever a finding is, its comment has only lines of one hunk; without any it is told in the body."""
    cases = {
        (41, 42): (41, 42),
        (30, 40): (38, 40),
        (45, 90): (45, 50),
        (41, 41): (None, 41),
        (1, 5): None,
        (51, 60): None,
    }
    for (line, end_line), wanted in cases.items():
        made = review(line=line, end_line=end_line, suggestion=None)
        if wanted is None:
            assert made["comments"] == []
            assert f"src/orders.py:{line}-{end_line}" in made["body"]
        else:
            (comment,) = made["comments"]
            assert (comment.get("start_line"), comment["line"]) == wanted
            assert comment["side"] == "RIGHT"


def test_github_offers_a_suggestion_where_the_edit_is():
    """The block replaces exactly the lines of its comment; when they reach out of the hunk, a diff is shown instead."""
    text = "".join(f"{n}\n" for n in range(1, 60))
    one_of_two = unified("src/orders.py", text, text.replace("42\n", "forty-two\n"))
    (comment,) = review(line=41, end_line=42, suggestion=one_of_two)["comments"]
    assert (comment.get("start_line"), comment["line"]) == (None, 42)
    assert "```suggestion\nforty-two\n```" in comment["body"]
    (comment,) = review(line=41, end_line=42, suggestion=one_of_two, lines={"src/orders.py": ((38, 41),)})["comments"]
    assert "```suggestion" not in comment["body"]
    assert "```diff\n--- a/src/orders.py" in comment["body"]
    assert comment["line"] == 41


def test_github_never_offers_what_a_code_block_can_not_hold():
    """A blank line at an end, or an escape, would be lost on the way."""
    text = "".join(f"{n}\n" for n in range(1, 60))
    for new in ("forty-two\n\n", "\x1b[31m\n"):
        made = review(line=42, end_line=42, suggestion=unified("src/orders.py", text, text.replace("42\n", new)))
        assert "```suggestion" not in made["comments"][0]["body"]


def test_github_names_the_commit_that_was_reviewed():
    """And none when what was reviewed is no commit."""
    assert review()["commit_id"] == "b" * 40
    assert "commit_id" not in parsed(FULL, "github")


def test_github_takes_every_text():
    """No text is longer than the 65,536 characters that GitHub takes, whatever was found; comments are few."""
    long = Finding.model_validate(
        {
            **FULL.findings[0].model_dump(),
            "explanation": "@a " * 20_000,
            "failure_scenario": "`" * 50_000,
            "sources": tuple(f"s{n}" for n in range(20_000)),
        }
    )
    findings = tuple(long.model_copy(update={"id": f"F{n}", "line": 41, "end_line": 41}) for n in range(500))
    run = FULL.model_copy(update={"findings": findings, "notes": tuple("note " * 100 for _ in range(5_000))})
    made = github.review(run)
    assert len(made["comments"]) == github.MOST_COMMENTS
    texts = [made["body"], *(comment["body"] for comment in made["comments"])]
    assert max(map(len, texts)) < 65_536
    assert made["body"].endswith(" -->")


def test_github_markers_stay_the_same():
    """A comment's is its fingerprint; a review's changes with the commit and the findings, not with the run."""
    again = FULL.model_copy(update={"id": "another", "timing": FULL.timing.model_copy(update={"wall_s": 1.0})})
    assert github.marker(FULL) == github.marker(again)
    assert github.marker(FULL) != github.marker(EMPTY)
    moved = FULL.model_copy(update={"target": TargetRecord(root="/", description="", head="c" * 40)})
    assert github.marker(FULL) != github.marker(moved)


def test_hostile_text_is_text_wherever_it_is_posted():
    """No link, image, HTML or heading of the hostile run is markup in a review; only what is written here is."""
    shown = {f"src/{name}": ((1, 100),) for name in [HOSTILE.findings[0].path.removeprefix("src/")]}
    run = HOSTILE.model_copy(update={"target": HOSTILE.target.model_copy(update={"shown": shown})})
    made = github.review(run)
    messages = [d["message"] for d in parsed(run, "rdjson")["diagnostics"]]
    texts = [made["body"], *(comment["body"] for comment in made["comments"]), *messages]
    assert len(made["comments"]) == 1
    for text in texts:
        tokens = MarkdownIt("commonmark").parse(text)
        inner = [child for token in tokens for child in token.children or ()]
        assert not {token.type for token in (*tokens, *inner)} & {"link_open", "image", "heading_open"}
        html = "".join(token.content for token in (*tokens, *inner) if token.type.startswith("html"))
        assert re.fullmatch(
            r"(?:</?(?:details|summary|sub)>|<!-- fanfold:[a-z]+:[0-9a-f]{32} -->|\d+ notes?|\s)*", html
        )
        assert "\x1b" not in text


@given(st.text(alphabet="@a`\\ \n", max_size=30), st.sampled_from([inline, prose, fenced, code]))
def test_nobody_is_mentioned(text, as_markdown):
    """No @ outside of code is followed by a name, and nothing else is changed."""
    markdown = as_markdown(text)
    posted = unmentioned(markdown)
    for token in MarkdownIt("commonmark").parse(posted):
        for child in token.children or ():
            assert child.type != "text" or not re.search(r"@\w", child.content)
    assert posted.replace("\u200b", "") == markdown
    if as_markdown in {fenced, code}:
        assert posted == markdown


# -- the others


def test_gitlab_fingerprints_are_apart():
    """GitLab shows the first of several issues with one fingerprint."""
    issues = parsed(ALL["many"], "gitlab")
    assert len({issue["fingerprint"] for issue in issues}) == COUNT


def test_what_stood_there_before_is_not_said_beside_the_change():
    """GitLab, reviewdog and comments show what the change brought; Claude Code has a word for the rest."""
    old = one(introduced=False)
    assert parsed(old, "gitlab") == []
    assert parsed(old, "rdjson")["diagnostics"] == []
    assert parsed(old, "github")["comments"] == []
    assert "1 finding on lines that the change leaves alone" in parsed(old, "github")["body"]
    assert [entry["severity"] for entry in parsed(old, "findings")["findings"]] == ["pre_existing"]


def test_claude_code_gets_the_worst_and_is_told_of_the_rest():
    """At most 32 entries, the last of which says how many are left out, and the effort that was asked for."""
    run = ALL["many"].model_copy(update={"request": {**FULL.request, "effort": "high"}})
    document = parsed(run, "findings")
    assert document["level"] == "high"
    assert len(document["findings"]) == 32
    assert document["findings"][-1]["summary"].startswith("4,969 more findings are not listed")
    assert {entry["severity"] for entry in document["findings"]} == {"important", "nit"}


@pytest.mark.parametrize(
    ("verdict", "said"),
    [(Verdict.CONFIRMED, "CONFIRMED"), (Verdict.PLAUSIBLE, "PLAUSIBLE"), (Verdict.UNVERIFIED, None)],
)
def test_claude_code_is_told_a_verdict_only_when_there_is_one(verdict, said):
    """Its word for what nobody verified is none."""
    (entry,) = parsed(one(verdict=verdict), "findings")["findings"]
    assert entry.get("verdict") == said


@pytest.mark.parametrize(
    ("sources", "mechanism", "rule"),
    [
        (("ruff:S608", "security"), "sql-injection", "ruff/S608"),
        (("security",), "sql-injection", "security/sql-injection"),
        (("security",), "", "security"),
        (("tool:a b/c",), "", "tool/a-b-c"),
    ],
)
def test_rules_have_steady_names(sources, mechanism, rule):
    """The analyzer's where there is one, so that agreement with a sub-agent does not rename a rule."""
    assert rule_of(one(sources=sources, mechanism=mechanism).findings[0]) == rule
