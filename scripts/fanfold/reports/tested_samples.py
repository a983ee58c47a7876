"""Test runs to try templates on: full, empty, partial, and one that fights back."""

from __future__ import annotations

from fanfold.models import Coverage, Run, Status, TargetRecord, Timing, UnitRecord, Usage
from fanfold.reports.hostile import ATTACK
from fanfold.suites import (
    Case,
    Cluster,
    ClusterClass,
    Evidence,
    Explanation,
    FileCoverage,
    Frame,
    ShardRecord,
    SuiteRecord,
    TestAttempt,
    TestResult,
    TestRunResult,
    TestVerdict,
    Totals,
    results_of,
)

_FRAMES = (
    Frame(path="tests/test_orders.py", line=12, function="test_total"),
    Frame(path="shop/orders.py", line=41, function="total"),
)


def _attempt(outcome: str, **fields: object) -> TestAttempt:
    values: dict[str, object] = {"outcome": TestVerdict(outcome), "duration_s": 0.25, "worker": 0}
    return TestAttempt.model_validate({**values, **fields})


_FAILURE = _attempt(
    "failed",
    message="KeyError: 'price'",
    error_type="KeyError",
    output="--- Captured stdout call ---\nreading 3 rows",
    trace="shop/orders.py:41: in total\n    return sum(row['price'] for row in rows)\nE   KeyError: 'price'",
    frames=_FRAMES,
)


def _tests(*cases: Case, suite: str = "unit") -> tuple[TestResult, ...]:
    return results_of(cases, suite)


_FULL_TESTS = _tests(
    Case(file="tests/test_orders.py", name="test_total", line=10, fixtures=("db",), attempts=(_FAILURE, _FAILURE)),
    Case(file="tests/test_orders.py", name="test_tax", line=20, fixtures=("db",), attempts=(_FAILURE, _FAILURE)),
    Case(
        file="tests/test_net.py",
        name="test_retry[2]",
        parameters="2",
        line=5,
        attempts=(
            _attempt("failed", message="TimeoutError", error_type="TimeoutError"),
            _attempt("passed", conditions="alone"),
        ),
    ),
    Case(file="tests/test_net.py", name="test_slow", line=9, attempts=(_attempt("passed", duration_s=3.5),)),
    Case(file="tests/test_net.py", name="test_windows", attempts=(_attempt("skipped", message="not on Linux"),)),
    Case(file="tests/test_net.py", name="test_known", attempts=(_attempt("xfailed"),)),
)


def _totals(tests: tuple[TestResult, ...]) -> Totals:
    return Totals.of(test.verdict for test in tests)


def _result(tests: tuple[TestResult, ...], **fields: object) -> TestRunResult:
    suite = SuiteRecord(
        name="unit",
        framework="pytest",
        folder=".",
        found_by="pyproject.toml",
        shards=2,
        collected=len(tests),
        totals=_totals(tests),
        expected_s=4.0,
        wall_s=2.6,
    )
    shards = tuple(
        ShardRecord(
            id=f"unit-{n}",
            suite="unit",
            index=n,
            count=2,
            status="ok",
            tests=3,
            worker=n - 1,
            processes=1,
            exit_code=0,
            started_s=0.1,
            ended_s=2.5,
            command=("python", "-m", "pytest"),
        )
        for n in (1, 2)
    )
    values: dict[str, object] = {
        "totals": _totals(tests),
        "tests": tests,
        "suites": (suite,),
        "shards": shards,
        "bound_s": 2.4,
        "efficiency": 0.92,
    }
    return TestRunResult.model_validate({**values, **fields})


_CLUSTERS = (
    Cluster(
        id="C1",
        signature="KeyError: '…' in shop/orders.py total",
        kind=ClusterClass.REGRESSION,
        tests=(_FULL_TESTS[0].id, _FULL_TESTS[1].id),
        shared=("fixture:db",),
        reproduce="python -m pytest 'tests/test_orders.py::test_total'",
        suspects=("shop/orders.py:41",),
        explanation=Explanation(
            enough_information=True,
            cause="The column is called `net_price` since this change.",
            evidence=(Evidence(path="shop/orders.py", line=41, quote="return sum(row['price'] for row in rows)"),),
            proposed_fix="Read `net_price`.",
        ),
    ),
    Cluster(
        id="C2",
        signature="TimeoutError:",
        kind=ClusterClass.FLAKY,
        tests=(_FULL_TESTS[2].id,),
        reproduce="python -m pytest 'tests/test_net.py::test_retry[2]'",
        explanation=Explanation(enough_information=False),
    ),
)
_UNITS = tuple(
    UnitRecord(key=label, label=label, kind="shard", status=Status.OK, attempts=1, ended_s=2.5)
    for label in ("unit: collect", "unit: shard 1 of 2", "unit: shard 2 of 2")
)

FULL = Run(
    id="20260102-030405-abcd",
    skill="parallel-test",
    status="complete",
    request={"backend": "auto", "backend_reason": "a credential is set (ANTHROPIC_API_KEY)"},
    target=TargetRecord(root="/project", description="1 suite of /project"),
    backend="api",
    model="claude-opus-5-5",
    coverage=Coverage(planned=3, ok=3),
    units=_UNITS,
    usage=Usage(input_tokens=900, output_tokens=300, requests=2, cost_usd=0.03, cost_uncached_usd=0.04),
    timing=Timing(wall_s=2.6, worker_s=4.8, speedup=1.85, critical_path_s=2.5),
    result=_result(
        _FULL_TESTS, clusters=_CLUSTERS, least_covered=(FileCoverage(path="shop/orders.py", percent=62.5),)
    ).model_dump(mode="json"),
)

_GOOD = _tests(Case(file="tests/test_a.py", name="test_a", attempts=(_attempt("passed"),)))
EMPTY = FULL.model_copy(
    update={
        "backend": "none",
        "model": None,
        "request": {"backend": "auto", "backend_reason": "no credential for the Claude API was found"},
        "usage": Usage(),
        "result": _result(_GOOD).model_dump(mode="json"),
    }
)

_OPEN = _tests(
    Case(file="tests/test_a.py", name="test_a", attempts=(_attempt("passed"),)),
    Case(file="tests/test_a.py", name="test_lost", attempts=(_attempt("lost"),)),
    Case(file="tests/test_a.py", name="test_never", attempts=()),
    Case(file="tests/test_a.py", name="test_hangs", attempts=(_attempt("timed_out", message="no end within 60 s"),)),
    Case(file="tests/test_a.py", name="test_segfault", attempts=(_attempt("crashed", message="SIGSEGV"),)),
)
_BROKEN = SuiteRecord(name="web", framework="vitest", folder="web", error="vitest is not installed: npm install")
PARTIAL = EMPTY.model_copy(
    update={
        "status": "partial",
        "coverage": Coverage(planned=4, ok=2, timed_out=1, not_run=1, missing=("web — vitest is not installed",)),
        "units": (
            *_UNITS[:2],
            _UNITS[2].model_copy(update={"status": Status.TIMED_OUT, "error": "the run's deadline of 60 s passed"}),
            UnitRecord(key="web", label="web", kind="suite", status=Status.NOT_RUN, error="vitest is not installed"),
        ),
        "notes": ("2 suites share the resource db: they take turns",),
        "result": _result(_OPEN, suites=(_result(_OPEN).suites[0], _BROKEN), bound_s=None, efficiency=None).model_dump(
            mode="json"
        ),
    }
)

_EVIL = _tests(
    Case(
        file=f"{ATTACK}.py",
        name=ATTACK,
        fixtures=(ATTACK,),
        markers=(ATTACK,),
        attempts=(_attempt("failed", message=ATTACK, error_type=ATTACK, trace=ATTACK, output=ATTACK),),
    ),
    suite=ATTACK,
)
HOSTILE = FULL.model_copy(
    update={
        "target": TargetRecord(root="/project", description=ATTACK),
        "notes": (ATTACK,),
        "result": _result(
            _EVIL,
            least_covered=(FileCoverage(path=ATTACK, percent=0),),
            suites=(SuiteRecord(name=ATTACK, framework="pytest", folder=ATTACK, error=ATTACK, notes=(ATTACK,)),),
            clusters=(
                Cluster(
                    id="C1",
                    signature=ATTACK,
                    tests=(_EVIL[0].id,),
                    shared=(ATTACK,),
                    reproduce=ATTACK,
                    suspects=(ATTACK,),
                    explanation=Explanation(
                        enough_information=True,
                        cause=ATTACK,
                        proposed_fix=ATTACK,
                        evidence=(Evidence(path=ATTACK, line=1, quote=ATTACK),),
                    ),
                ),
            ),
        ).model_dump(mode="json"),
    }
)

TEST_RUNS = {"full": FULL, "empty": EMPTY, "partial": PARTIAL, "hostile": HOSTILE}
