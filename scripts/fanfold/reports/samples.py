"""Runs to try templates on, and to show what a report looks like: full, empty, partial, and one that fights back."""

from __future__ import annotations

from fanfold.models import (
    Coverage,
    Dropped,
    Finding,
    Run,
    Severity,
    Status,
    TargetRecord,
    Timing,
    UnitRecord,
    Usage,
    Verdict,
)
from fanfold.reports.hostile import ATTACK
from fanfold.sources.edits import unified

_SUGGESTION = """\
diff --git a/src/orders.py b/src/orders.py
index 3c1f0a9be7d2..8d02c4e615fa
--- a/src/orders.py
+++ b/src/orders.py
@@ -40,4 +40,3 @@
 def find(db, name):
-    query = f"select * from orders where name = '{name}'"
-    return db.execute(query)
+    return db.execute("select * from orders where name = ?", (name,))
 # Orders are kept for ten years.
"""


def _finding(**fields: object) -> Finding:
    values: dict[str, object] = {
        "id": "F1",
        "fingerprint": "0" * 32,
        "path": "src/orders.py",
        "line": 41,
        "end_line": 42,
        "aspect": "security",
        "severity": Severity.HIGH,
        "confidence": 0.75,
        "verdict": Verdict.UNVERIFIED,
        "title": "The order's name goes into the query as it is",
        "explanation": "`name` comes from the request and is formatted into SQL.",
        "failure_scenario": "A name of `' OR 1=1 --` returns every order.",
        "quote": "    query = f\"select * from orders where name = '{name}'\"\n    return db.execute(query)",
        "before": ("", "def find(db, name):"),
        "after": ("# Orders are kept for ten years.",),
        "suggestion": _SUGGESTION,
        "sources": ("ruff:S608", "security"),
        "mechanism": "sql-injection",
    }
    return Finding.model_validate({**values, **fields})


def _unit(label: str, kind: str, status: Status = Status.OK, **fields: object) -> UnitRecord:
    values = {"key": label, "label": label, "kind": kind, "status": status, "attempts": 1, "ended_s": 2.0}
    return UnitRecord.model_validate({**values, **fields})


_TARGET = TargetRecord(
    root="/project",
    description="uncommitted changes (3 files)",
    base="a" * 40,
    shown={"src/orders.py": ((1, 6), (38, 50)), "src/retry.py": ((10, 20),)},
)
_ANALYZERS = (
    _unit("bandit", "analyzer", ended_s=1.3),
    _unit("complexity", "analyzer", reused=True, ended_s=0.1),
    _unit("ruff", "analyzer", ended_s=0.4),
    _unit("secrets", "analyzer", reused=True, ended_s=0.1),
)
_FINDERS = (
    _unit("correctness", "finder", started_s=0.2, ended_s=21.6, usage=Usage(cache_write_tokens=12_000)),
    _unit("performance", "finder", started_s=2.1, ended_s=16.0),
    _unit("security", "finder", started_s=2.1, ended_s=34.2, attempts=2),
    _unit("style", "finder", started_s=2.2, ended_s=19.9, hedged=True),
)

FULL = Run(
    id="20260102-030405-abcd",
    skill="code-review",
    status="complete",
    request={"backend": "auto", "backend_reason": "a credential is set (ANTHROPIC_API_KEY)"},
    target=_TARGET,
    backend="api",
    model="claude-opus-5-5",
    coverage=Coverage(planned=8, ok=8, reused=2),
    units=_ANALYZERS + _FINDERS,
    findings=(
        _finding(),
        _finding(
            id="F2",
            path="src/retry.py",
            line=7,
            end_line=7,
            aspect="correctness",
            severity=Severity.LOW,
            confidence=0.5,
            title="The last attempt sleeps before it gives up",
            explanation="The loop waits after every failure.\n\nThe last one too.",
            failure_scenario="",
            quote="        time.sleep(delay)",
            before=(),
            after=(),
            suggestion=None,
            notes=("A suggestion was left out: the file would no longer parse.",),
            sources=("correctness",),
            mechanism="needless-wait",
        ),
        _finding(
            id="F3",
            line=3,
            end_line=3,
            severity=Severity.MEDIUM,
            title="`except:` hides every error",
            quote="except:",
            before=("try:", "    import orjson"),
            after=("    orjson = None",),
            suggestion=None,
            introduced=False,
            sources=("ruff:E722",),
            mechanism="",
        ),
    ),
    dropped=(
        Dropped(title="Possible SQL injection", path="src/orders.py", line=41, reason="duplicate-of:F1"),
        Dropped(title="The cache is never cleared", path="src/orders.py", reason="not-in-file"),
    ),
    usage=Usage(
        input_tokens=4_000,
        cache_write_tokens=12_000,
        cache_read_tokens=36_000,
        output_tokens=3_000,
        cost_usd=0.1432,
        cost_uncached_usd=0.268,
        requests=4,
        retries=1,
        errors={"Overloaded": 1},
    ),
    timing=Timing(wall_s=34.2, worker_s=101.0, speedup=2.95, critical_path_s=33.0),
)

EMPTY = FULL.model_copy(
    update={
        "backend": "none",
        "model": None,
        "request": {"backend": "auto", "backend_reason": "no credential for the Claude API was found"},
        "coverage": Coverage(planned=4, ok=4),
        "units": _ANALYZERS,
        "findings": (),
        "dropped": (),
        "usage": Usage(),
        "timing": Timing(wall_s=1.4, worker_s=2.2, speedup=1.57, critical_path_s=1.3),
    }
)

PARTIAL = FULL.model_copy(
    update={
        "status": "partial",
        "coverage": Coverage(
            planned=8,
            ok=6,
            timed_out=1,
            over_budget=1,
            missing=("security — no answer in 300 s", "style — over budget"),
        ),
        "units": (
            *_ANALYZERS,
            *_FINDERS[:2],
            _unit("security", "finder", Status.TIMED_OUT, error="no answer in 300 s"),
            _unit("style", "finder", Status.OVER_BUDGET, error="over budget"),
        ),
        "findings": (),
        "dropped": (),
        "notes": ("bandit did not run: it is not installed",),
        "usage": Usage(requests=3, cost_usd=None, cost_uncached_usd=None),
    }
)

HOSTILE = FULL.model_copy(
    update={
        "target": TargetRecord(root="/project", description=ATTACK),
        "findings": (
            _finding(
                path=f"src/{ATTACK}.py",
                title=ATTACK,
                explanation=ATTACK,
                failure_scenario=ATTACK,
                quote=ATTACK,
                before=(ATTACK, ATTACK),
                after=(ATTACK,),
                suggestion=unified(f"src/{ATTACK}.py", "\n" * 40 + ATTACK + "\n", "\n" * 40 + f"{ATTACK}!\n"),
                sources=(ATTACK,),
                aspect=ATTACK,
            ),
        ),
        "dropped": (Dropped(title=ATTACK, path=ATTACK, reason=ATTACK),),
        "notes": (ATTACK,),
        "coverage": Coverage(planned=1, failed=1, missing=(f"{ATTACK} — {ATTACK}",)),
        "units": (_unit(ATTACK, "finder", Status.FAILED, error=ATTACK),),
    }
)


SAMPLED = ("code-review", "parallel-test", "multi-file-analysis")
"""The skills of which there are sample runs."""


def runs_of(skill: str) -> dict[str, Run]:
    """Return the sample runs of a skill; none of one that somebody else has made."""
    if skill == "parallel-test":
        from fanfold.reports.tested_samples import TEST_RUNS

        return TEST_RUNS
    if skill == "multi-file-analysis":
        from fanfold.reports.analysed_samples import ANALYSES

        return ANALYSES
    return RUNS if skill in SAMPLED else {}


RUNS = {"full": FULL, "empty": EMPTY, "partial": PARTIAL, "hostile": HOSTILE}
