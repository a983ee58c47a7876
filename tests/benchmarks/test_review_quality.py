"""The quality benchmark scores as computed by hand, and every figure keeps within its bounds."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # the benchmarks are scripts, not an installed package

from benchmarks.quality.cases import BadCases, Bug, Case, Spot, build, read_cases  # noqa: E402
from benchmarks.quality.records import Record, Records  # noqa: E402
from benchmarks.quality.reviewers import Claude, NotAvailable  # noqa: E402
from benchmarks.quality.scoring import (  # noqa: E402
    LONGEST,
    RANKS,
    Reported,
    Review,
    Share,
    contributions,
    is_hit,
    matched,
    score,
    stands_at,
    summarise,
)
from benchmarks.quality.stand_ins import NOISE, noise_spots  # noqa: E402

from benchmarks import review_quality  # noqa: E402  needs the line above
from fanfold.testing.repository import Repository, isolate_git  # noqa: E402
from launcher.entry import environment_name  # noqa: E402

# Small, so that findings and bugs meet often.
PATHS = st.sampled_from(["a.py", "b.py"])
LINES = st.integers(1, 30)
CODES = st.sampled_from(["x = 1", "y = 2", "return x"])
SOURCES = st.lists(st.sampled_from(["correctness", "security", "ruff:S301", "ruff:B006"]), min_size=1, max_size=2)
FINDINGS = st.lists(
    st.builds(
        lambda path, line, span, quote, introduced, sources, anchored: Reported(
            path=path,
            line=line,
            end_line=line + span,
            quote=quote,
            introduced=introduced,
            sources=tuple(sources),
            anchored=anchored,
        ),
        PATHS,
        LINES,
        st.integers(0, 60),
        CODES,
        st.booleans(),
        SOURCES,
        st.booleans(),
    ),
    max_size=12,
)
BUGS = st.lists(st.builds(Bug, file=PATHS, line=LINES, code=CODES), max_size=5)


def case_of(bugs, identity="c"):
    return Case(id=identity, diff="-", gt=tuple(bugs), clean=not bugs)


def finding(path="a.py", line=10, end_line=None, quote="x = 1", **others):
    return Reported(path=path, line=line, end_line=end_line or line, quote=quote, **others)


@given(FINDINGS, BUGS, st.randoms())
def test_the_number_of_bugs_found_depends_on_no_order(findings, bugs, random):
    """Findings and bugs may come in any order: as many bugs are found."""
    before = matched(findings, bugs)
    random.shuffle(findings)
    random.shuffle(bugs)
    assert matched(findings, bugs) == before


@given(FINDINGS, BUGS)
def test_recall_grows_with_k_within_its_bounds(findings, bugs):
    """Recall at 1, at 3, at 10 and over all never falls, and never passes k, the bugs, or what is hit at all."""
    result = score(case_of(bugs), Review(findings=tuple(findings)))
    counts = [0, *result.found, result.found_all, len(bugs)]
    assert counts == sorted(counts)
    assert all(count <= rank for count, rank in zip(result.found, RANKS, strict=True))
    assert result.found_all <= sum(any(is_hit(f, bug) for f in findings) for bug in bugs)
    assert 0 <= result.beside <= len(result.review.shown)


@given(FINDINGS, BUGS)
def test_a_matching_is_the_largest(findings, bugs):
    """No assignment of findings to bugs finds more: it is compared with trying them all."""
    findings = findings[:5]

    def best(left, free):
        if not left:
            return 0
        options = [best(left[1:], free)]
        options += [1 + best(left[1:], free - {n}) for n in free if is_hit(left[0], bugs[n])]
        return max(options)

    assert matched(findings, bugs) == best(findings, frozenset(range(len(bugs))))


@given(FINDINGS, BUGS, st.integers(0, 10))
def test_a_wider_tolerance_never_finds_less(findings, bugs, tolerance):
    """What is a hit stays one when hits may be farther away."""
    assert matched(findings, bugs, tolerance) <= matched(findings, bugs, tolerance + 1)


@given(st.lists(st.tuples(FINDINGS, BUGS), max_size=6), st.randoms())
def test_a_summary_depends_on_no_order_and_keeps_its_bounds(changes, random):
    """Scores fold to the same summary in any order; every share is one."""
    scores = [
        score(case_of(bugs, f"c{n}"), Review(findings=tuple(findings))) for n, (findings, bugs) in enumerate(changes)
    ]
    summary = summarise(scores)
    random.shuffle(scores)
    assert summarise(scores) == summary
    for share in (*summary.recall.values(), summary.recall_all, summary.quiet, summary.anchored):
        low, high = share.interval()
        assert 0 <= share.count <= share.of
        assert 0 <= low <= (share.value or 0.0) <= high <= 1


@given(st.lists(st.tuples(FINDINGS, BUGS), max_size=4))
def test_leaving_a_source_out_loses_what_only_it_found(changes):
    """A source's own bugs are no more than it reported and no more than all found; one source alone has them all."""
    scores = [
        score(case_of(bugs, f"c{n}"), Review(findings=tuple(findings))) for n, (findings, bugs) in enumerate(changes)
    ]
    every = sum(each.found_all for each in scores)
    for added in contributions(scores):
        assert 0 <= added.only_here <= added.bugs <= every
        assert added.beside >= 0
    alone = [
        score(
            each.case,
            Review(findings=tuple(f.model_copy(update={"sources": ("one",)}) for f in each.review.findings)),
        )
        for each in scores
    ]
    assert all(added.only_here == added.bugs == every for added in contributions(alone))


BUG = Bug(file="a.py", line=10, code="return x", also=(Spot(file="b.py", line=40, code="call(x)"),))


@pytest.mark.parametrize(
    ("reported", "hit"),
    [
        (finding(line=7), True),
        (finding(line=6), False),
        (finding(line=13), True),
        (finding(line=14), False),
        (finding(line=1, end_line=8), True),
        (finding(path="b.py", line=10), False),
        (finding(path="b.py", line=41), True),
        (finding(line=90, quote="    return  x\n"), True),
        (finding(path="c.py", quote="return x"), False),
        (finding(line=1, end_line=LONGEST), True),
        (finding(line=1, end_line=LONGEST + 1, quote="return x"), False),
        (finding(line=0, end_line=0), False),
    ],
)
def test_what_a_hit_is(reported, hit):
    """Within three lines, or with the code quoted, in the right file, at any of the bug's places; not from afar."""
    assert is_hit(reported, BUG) is hit


def test_one_finding_stands_for_one_bug():
    """Two bugs on neighbouring lines need two findings."""
    bugs = [Bug(file="a.py", line=10, code="one"), Bug(file="a.py", line=11, code="two")]
    assert matched([finding(line=10, end_line=11)], bugs) == 1
    assert matched([finding(line=10), finding(line=11)], bugs) == 2


def test_a_quote_stands_where_it_says():
    """White space doesn't count; the lines do, and must be there."""
    lines = ["def f():", "    return  1", ""]
    assert stands_at(lines, 1, 2, "def f():\n  return 1")
    assert not stands_at(lines, 1, 1, "return 1")
    assert not stands_at(lines, 2, 9, "return 1")
    assert not stands_at(lines, 3, 3, " ")


def test_scores_by_hand():
    """Two cases with bugs, two without, one that failed: every figure as counted on paper."""
    far = finding(line=90, quote="far away", sources=("style",))
    changes = [
        (case_of([BUG], "one"), [far, finding(sources=("correctness",), anchored=True)]),
        (case_of([BUG], "two"), [finding(introduced=False), finding(line=91, suppressed="dismissed")]),
        (case_of([], "three"), [far.model_copy(update={"sources": ("style", "ruff:E501")})]),
        (case_of([], "four"), []),
    ]
    scores = [
        score(case, Review(findings=tuple(findings), wall_s=2.0 * n, cost_usd=None if n else 0.5))
        for n, (case, findings) in enumerate(changes)
    ]
    scores.append(score(case_of([BUG], "five"), Review(status="failed", error="exit code 2")))
    summary = summarise(scores)
    assert summary.failed == ("five",)
    assert summary.recall == {1: Share(0, 2), 3: Share(1, 2), 10: Share(1, 2)}
    assert summary.filed_away == 1
    assert (summary.shown_per_change, summary.beside_per_change) == (3 / 4, 1 / 2)
    assert (summary.false_alarms, summary.quiet) == (1, Share(1, 2))
    assert summary.anchored == Share(1, 3)
    assert (summary.cost_usd, summary.unknown_costs) == (0.5, 3)
    assert (summary.wall_s, summary.slowest_s) == (3.0, 6.0)
    added = {each.source: (each.bugs, each.only_here, each.beside, each.false_alarms) for each in contributions(scores)}
    assert added == {"correctness": (1, 1, 0, 0), "style": (0, 0, 1, 0), "ruff": (0, 0, 0, 0)}


def test_nothing_has_no_share():
    """A share of nothing is unknown, not 0."""
    summary = summarise([])
    assert (summary.recall[1].value, summary.shown_per_change, summary.cost_usd) == (None, None, None)
    assert summary.recall[1].interval() == (0.0, 1.0)


GOOD: dict[str, Any] = {"id": "a", "repo": None, "base": None, "head": None, "diff": "x\n", "gt": [], "clean": True}


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ([], "there is no case"),
        (["{"], ":1:"),
        ([json.dumps(GOOD), json.dumps(GOOD)], ":2: the id 'a' stands twice"),
        ([json.dumps({**GOOD, "clean": False})], "a clean case has no gt"),
        ([json.dumps({**GOOD, "diff": None})], "without a repo there must be a diff"),
        ([json.dumps({**GOOD, "repo": "r"})], "a repo needs a base"),
        ([json.dumps({**GOOD, "id": "../a"})], "id"),
        ([json.dumps({**GOOD, "clean": False, "gt": [{"file": "a", "line": 0, "code": "x"}]})], "gt.0.line"),
    ],
)
def test_a_bad_case_is_named(tmp_path, lines, complaint):
    """What is wrong with a cases file is said in one line, with the place."""
    file = tmp_path / "cases.jsonl"
    file.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(BadCases, match=re.escape(complaint)) as raised:
        read_cases(file)
    assert "\n" not in str(raised.value)


BEFORE = "def total(prices):\n    result = 0\n    for price in prices:\n        result += price\n    return result\n"
WRONG = BEFORE.replace("return result", "return result - 1")
DIFF = """\
--- a/shop.py
+++ b/shop.py
@@ -2,4 +2,4 @@
     result = 0
     for price in prices:
         result += price
-    return result
+    return result - 1
"""
LABEL = [{"file": "shop.py", "line": 5, "code": "return result - 1"}]
HARMLESS = "".join(f"def section_{n}(value):\n    return value + {n}\n\n\n" for n in range(1, 12))

# One finder a review and one verifier a claim, and nothing beside them.
SCRIPTED = ("--aspect", "correctness", "--analyzer", "none", "--effort", "low", "--stand-in")


@pytest.fixture
def labelled(tmp_path):
    """Four cases of one bug or none: a git repository, folders, folders with a diff, and a diff alone."""
    folder = tmp_path / "labelled"
    repository = Repository.init(folder / "git")
    repository.write("shop.py", BEFORE)
    base = repository.commit("Add up")
    repository.write("shop.py", WRONG)
    head = repository.commit("Take one off")
    for name, text in {"before": BEFORE, "after": BEFORE + "\n\n" + HARMLESS.rstrip() + "\n"}.items():
        (folder / "trees" / name).mkdir(parents=True)
        (folder / "trees" / name / "shop.py").write_text(text)
    cases = [
        {"id": "git", "repo": "git", "base": base, "head": head, "diff": None, "gt": LABEL, "clean": False},
        {"id": "patched", "repo": "trees", "base": "before", "head": None, "diff": DIFF, "gt": LABEL, "clean": False},
        {"id": "twin", "repo": "trees", "base": "before", "head": "after", "diff": None, "gt": [], "clean": True},
        {"id": "diff", "repo": None, "base": None, "head": None, "diff": DIFF, "gt": LABEL, "clean": False},
    ]
    file = folder / "cases.jsonl"
    file.write_text("".join(f"{json.dumps(case)}\n" for case in cases))
    return file


@pytest.fixture
def launched(tmp_path, monkeypatch):
    """An environment for the launcher: this interpreter."""
    cache = tmp_path / "cache"
    environment = cache / "environments" / environment_name(str(ROOT / "scripts" / "requirements.txt"))
    (environment / "bin").mkdir(parents=True)
    interpreter = environment / "bin" / "python"
    interpreter.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    interpreter.chmod(0o755)
    (environment / "complete").touch()
    monkeypatch.setenv("FANFOLD_CACHE_DIR", str(cache))
    isolate_git(monkeypatch)


@pytest.fixture
def benchmark_of(labelled, launched, tmp_path, capsys):
    """Run the benchmark in this process; its reviews are processes."""

    def run(*words):
        code = review_quality.main([str(labelled), "--results", str(tmp_path / "results.jsonl"), *words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def figure(out, name):
    (line,) = [line for line in out.partition("\n##")[0].splitlines() if line.startswith(name)]
    return line.removeprefix(name).strip()


def test_every_shape_of_a_case_is_the_same_change(labelled, tmp_path):
    """A git repository, folders and a diff alike: the head is checked out, the diff is what changed."""
    cases = {case.id: case for case in read_cases(labelled)}
    built = {name: build(case, labelled.parent, tmp_path / name) for name, case in cases.items()}
    assert built["git"].text("shop.py") == built["patched"].text("shop.py") == WRONG
    assert built["diff"].text("shop.py") is None
    assert built["twin"].text("../../labelled/cases.jsonl") is None
    for name in ("git", "patched", "diff"):
        assert "+    return result - 1\n" in built[name].diff
    assert (labelled.parent / "git" / "shop.py").read_text() == WRONG
    assert not (labelled.parent / "git" / ".fanfold").exists()


def test_a_case_that_can_not_be_built_is_named(labelled, tmp_path, capsys):
    """A diff that doesn't apply ends the benchmark with the case's id."""
    case = {"id": "stale", "repo": "trees", "base": "after", "head": None, "gt": LABEL, "clean": False}
    labelled.write_text(json.dumps({**case, "diff": DIFF.replace("result += price", "result -= price")}))
    assert review_quality.main([str(labelled), "--results", str(tmp_path / "r")]) == 2
    assert "stale: git apply" in capsys.readouterr().err


def test_the_oracle_finds_everything_once(benchmark_of):
    """A model that reports exactly the labels scores 100 % everywhere, with no false alarm and every anchor right."""
    code, out, _ = benchmark_of(*SCRIPTED, "oracle")
    assert code == 0
    for name in ("recall@1 ", "recall@3 ", "recall@10 ", "recall, all shown"):
        assert figure(out, name).startswith("100.0% (3 of 3;")
    assert figure(out, "false alarms, clean cases").startswith("0 (nothing shown on 100.0% (1 of 1;")
    assert figure(out, "findings shown a change") == "0.75"
    assert figure(out, "beside any bug, a change").startswith("0.00")
    # Of the case that is a diff alone there is no file to look the quote up in.
    assert figure(out, "right anchors").startswith("66.7% (2 of 3;")
    assert re.search(r"^correctness +3 +3 +0 +0$", out, re.MULTILINE)


def test_the_silent_one_finds_nothing(benchmark_of):
    """A model that reports nothing scores 0 % and raises no false alarm."""
    _, out, _ = benchmark_of(*SCRIPTED, "silent", "--only", "patched")
    assert figure(out, "recall, all shown").startswith("0.0% (0 of 1;")
    assert figure(out, "findings shown a change") == "0.00"
    assert figure(out, "right anchors") == "- (of none)"


def test_noise_is_all_false_alarms(benchmark_of):
    """A model that reports what is far from any label scores 0 %, and what it says of a clean case is counted."""
    _, out, _ = benchmark_of(*SCRIPTED, "noise", "--only", "patched", "--only", "twin")
    assert figure(out, "recall, all shown").startswith("0.0% (0 of 1;")
    # The small change has no line far from its label; the clean one has more than enough.
    assert figure(out, "false alarms, clean cases").startswith(f"{NOISE} (nothing shown on 0.0% (0 of 1;")
    assert figure(out, "beside any bug, a change").startswith("0.00")
    assert re.search(rf"^correctness +0 +0 +0 +{NOISE}$", out, re.MULTILINE)


def test_without_a_model_the_analyzers_are_scored(benchmark_of):
    """No model, real figures; a peer that isn't there is named and doesn't stop anything."""
    code, out, err = benchmark_of("--backend", "none", "--only", "twin")
    assert code == 0
    assert figure(out, "recall@1 ") == "- (of none)"
    assert figure(out, "reviewed") == "1"
    assert figure(out, "cost a review") == "0.0000"
    assert "1 of 1: twin" in err


def test_a_second_run_reviews_only_what_is_missing(benchmark_of, tmp_path):
    """Reviews that are on record aren't made again, unless the settings differ; a torn line is made again."""
    stand_in = (*SCRIPTED, "silent")
    _, _, err = benchmark_of(*stand_in, "--only", "git", "--only", "twin")
    assert err.count(" of 2: ") == 2
    results = tmp_path / "results.jsonl"
    whole = results.read_bytes()
    results.write_bytes(whole[:-20])
    _, out, err = benchmark_of(*stand_in, "--only", "git", "--only", "twin")
    assert err.count(" of 2: ") == 1
    assert figure(out, "reviewed") == "2"
    assert benchmark_of(*stand_in, "--only", "git", "--only", "twin")[2] == ""
    assert benchmark_of(*stand_in, "--only", "git", "--jobs", "2")[2].count(" of 1: ") == 1


def test_a_review_that_fails_is_said_and_made_again(benchmark_of):
    """A wrong option fails every review: the table says so, no figure is made up, and the next run tries again."""
    for _ in ("first", "second"):
        _, out, err = benchmark_of("--backend", "none", "--aspect", "corectness", "--only", "git")
        assert "1 of 1: git" in err
        assert "not reviewed: exit code 2: " in out
        assert "did you mean 'correctness'" in out
        assert figure(out, "recall@1 ") == "- (of none)"
        assert figure(out, "not reviewed") == "git"


def test_records_are_only_ever_appended(tmp_path):
    """After a torn line a record has a line of its own; of one key the later counts; a foreign line is an error."""
    records = Records(tmp_path / "r.jsonl")
    records.add(Record(key="k", case="a", reviewer="x", review=Review(wall_s=1.0)))
    with records.file.open("ab") as file:
        file.write(b'{"key": "tor')
    records.add(Record(key="k", case="a", reviewer="x", review=Review(wall_s=2.0)))
    records.add(Record(key="f", case="b", reviewer="x", review=Review(error="no")))
    assert records.read() == {"k": Review(wall_s=2.0)}
    with records.file.open("ab") as file:
        file.write(b'{"another": "file"}\n')
    with pytest.raises(ValueError, match="key"):
        records.read()


def test_a_peer_that_is_not_there_is_not_available(tmp_path):
    """Without a CLI there is no peer, and a word on why."""
    with pytest.raises(NotAvailable, match="no claude CLI"):
        Claude.find(None, None, {"PATH": str(tmp_path)})


PEER = """\
#!{python}
import json, sys
diff = sys.stdin.read()
assert "<change>" in diff and "+    return result - 1" in diff
finding = {{"path": "shop.py", "line": 5, "quote": "return result - 1", "severity": "high", "title": "Off by one"}}
print(json.dumps({{"is_error": {wrong}, "result": "Not logged in", "total_cost_usd": 0.25, "num_turns": 3,
                  "structured_output": {{"findings": [finding]}}}}))
"""


@pytest.mark.parametrize("wrong", [False, True])
def test_the_peer_is_scored_the_same_way(labelled, tmp_path, wrong):
    """What a `claude -p` answers becomes a review: placed, priced; an error it reports is one."""
    program = tmp_path / "claude"
    program.write_text(PEER.format(python=sys.executable, wrong=wrong))
    program.chmod(0o755)
    case = next(case for case in read_cases(labelled) if case.id == "patched")
    peer = Claude.find("some-model", "high", {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"})
    review = peer(build(case, labelled.parent, tmp_path / "place"), case.id)
    if wrong:
        assert review.error == "Not logged in"
        return
    assert score(case, review).found == (1, 1, 1)
    assert (review.cost_usd, review.requests, review.findings[0].anchored) == (0.25, 3, True)


@given(st.integers(0, 30))
def test_noise_keeps_away_from_labels(line):
    """No line of noise could be taken for a hit, whatever the tolerance up to its distance."""
    added = "".join(f"+{row}\n" for row in HARMLESS.splitlines())
    diff = f"--- /dev/null\n+++ b/a.py\n@@ -0,0 +1,{added.count(chr(10))} @@\n{added}"
    bugs = [Bug(file="a.py", line=line + 1, code="nowhere")]
    for spot in noise_spots(case_of(bugs), diff):
        assert not is_hit(finding(line=spot.line, quote=spot.code), bugs[0], tolerance=10)
