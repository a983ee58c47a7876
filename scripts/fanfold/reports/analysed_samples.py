"""Analyses to try templates on: full, empty, partial, and one that fights back."""

from __future__ import annotations

from fanfold.models import Coverage, Run, Status, TargetRecord, Timing, UnitRecord, Usage
from fanfold.reports.analysed import (
    SKILL,
    AnalysisResult,
    Area,
    Citation,
    Contradiction,
    Link,
    MapSummary,
    Module,
    ModuleGraph,
    Note,
    Row,
    Table,
    Unread,
)
from fanfold.reports.hostile import ATTACK

_ANSWER = """\
## How an order becomes an invoice

`Orders.total` adds the prices up [1]. The tax is added **after** the discount [2], so a discount lowers it as well.

- Invoices are numbered by the store, not by the caller [3].
- Nothing retries a write that failed.

```python
invoice = Invoice.of(order)
```
"""

_CITATIONS = (
    Citation(
        path="shop/orders.py",
        line=41,
        end_line=41,
        quote="        return sum(row['price'] for row in self.rows)",
        status="verified",
    ),
    Citation(
        path="shop/tax.py", line=7, end_line=8, quote="net = total - discount\ntax = net * RATE", status="repaired"
    ),
    Citation(path="shop/store.py", line=12, end_line=12, quote="    number = self.next_number()", status="verified"),
)

_NOTES = (
    Note(
        path="shop/tax.py",
        line=7,
        end_line=8,
        statement="Tax is computed after the discount.",
        quote="net = total - discount\ntax = net * RATE",
        relevance=0.9,
        area="shop",
    ),
    Note(
        path="web/views.py",
        line=30,
        end_line=30,
        statement="The page shows the tax before the discount.",
        quote="    return total * RATE",
        relevance=0.7,
        area="web",
    ),
)

_GRAPH = ModuleGraph(
    modules=(
        Module(name="shop/orders.py", files=1, lines=120, tokens=1100, layer=1, cycle=1),
        Module(name="shop/store.py", files=1, lines=80, tokens=700, layer=1, cycle=1),
        Module(name="shop/tax.py", files=1, lines=20, tokens=180),
        Module(name="web", files=3, lines=300, tokens=2600, layer=2),
    ),
    links=(
        Link(source="shop/orders.py", target="shop/store.py"),
        Link(source="shop/orders.py", target="shop/tax.py"),
        Link(source="shop/store.py", target="shop/orders.py"),
        Link(source="web", target="shop/orders.py", files=2),
    ),
    note="Test code is left out; 6 files are folded to 4 modules",
)

_MAP = MapSummary(
    files=6,
    lines=520,
    tokens=4580,
    imports=5,
    languages={"python": 6},
    cycles=(("shop/orders.py", "shop/store.py"),),
    central=("shop/orders.py", "shop/tax.py"),
    entry_points=("web/__main__.py:1 python -m web",),
    layers=3,
)

_TABLES = (
    Table(
        name="fan-in",
        title="Most used files",
        about="How many files import each one, and how many it imports itself.",
        columns=("imported by", "imports", "lines"),
        rows=(
            Row(path="shop/orders.py", line=1, end_line=120, cells=(3, 2, 120)),
            Row(path="shop/tax.py", line=1, end_line=20, cells=(1, 0, 20)),
        ),
        total=14,
    ),
    Table(name="entry-points", title="Entry points", about="Where the program starts.", columns=("name", "kind")),
)

_RESULT = AnalysisResult(
    question="How does an order become an invoice?",
    answer=_ANSWER,
    citations=_CITATIONS,
    dropped_citations=1,
    unsupported_sentences=1,
    contradictions=(Contradiction(about="when tax is added", notes=_NOTES),),
    notes=_NOTES,
    areas=(
        Area(label="shop", files=("shop/orders.py", "shop/store.py", "shop/tax.py"), tokens=1980, notes=1),
        Area(label="web", files=("web/__main__.py", "web/forms.py", "web/views.py"), tokens=2600, notes=1),
    ),
    map=_MAP,
    tables=_TABLES,
    graph=_GRAPH,
    left_out=(Unread(path="shop/vendor/jquery.min.js", why="minified", size=90_000),),
)

_UNITS = tuple(
    UnitRecord(key=label, label=label, kind=kind, status=Status.OK, attempts=1, ended_s=20.0)
    for label, kind in (("shop", "worker"), ("web", "worker"), ("answer", "synthesis"))
)

FULL = Run(
    id="20260102-030405-abcd",
    skill=SKILL,
    status="complete",
    request={"backend": "auto", "backend_reason": "a credential is set (ANTHROPIC_API_KEY)"},
    target=TargetRecord(root="/project", description="6 files of /project"),
    backend="api",
    model="claude-opus-5-5",
    coverage=Coverage(planned=3, ok=3),
    units=_UNITS,
    usage=Usage(
        input_tokens=6_000,
        cache_write_tokens=3_000,
        output_tokens=1_200,
        requests=5,
        cost_usd=0.09,
        cost_uncached_usd=0.1,
    ),
    timing=Timing(wall_s=31.0, worker_s=58.0, speedup=1.87, critical_path_s=30.0),
    result=_RESULT.model_dump(mode="json"),
)

EMPTY = FULL.model_copy(
    update={
        "backend": "none",
        "model": None,
        "request": {"backend": "auto", "backend_reason": "no credential for the Claude API was found"},
        "coverage": Coverage(),
        "units": (),
        "usage": Usage(),
        "timing": Timing(wall_s=0.8),
        "result": AnalysisResult(
            question="Which files does everything else stand on?",
            analysis="architecture",
            map=MapSummary(files=1, lines=3, tokens=20, languages={"python": 1}, layers=1),
            graph=ModuleGraph(modules=(Module(name="a.py", files=1, lines=3, tokens=20),)),
        ).model_dump(mode="json"),
    }
)

PARTIAL = FULL.model_copy(
    update={
        "status": "partial",
        "coverage": Coverage(planned=3, ok=1, timed_out=1, over_budget=1, missing=("web — no answer in 300 s",)),
        "units": (
            _UNITS[0],
            _UNITS[1].model_copy(update={"status": Status.TIMED_OUT, "error": "no answer in 300 s"}),
            _UNITS[2].model_copy(update={"status": Status.OVER_BUDGET, "error": "over budget"}),
        ),
        "notes": ("shop/old.py: it has syntax errors; what stands in them may be missing",),
        "usage": Usage(requests=2, cost_usd=None, cost_uncached_usd=None),
        "result": _RESULT.model_copy(
            update={
                "answer": "",
                "citations": (),
                "contradictions": (),
                "notes": _NOTES[:1],
                "areas": (
                    _RESULT.areas[0],
                    _RESULT.areas[1].model_copy(update={"status": Status.TIMED_OUT, "notes": 0}),
                ),
            }
        ).model_dump(mode="json"),
    }
)

_EVIL = Note(path=ATTACK, line=1, end_line=2, statement=ATTACK, quote=ATTACK, relevance=1.0, area=ATTACK)
HOSTILE = FULL.model_copy(
    update={
        "target": TargetRecord(root="/project", description=ATTACK),
        "notes": (ATTACK,),
        "coverage": Coverage(planned=1, failed=1, missing=(f"{ATTACK} — {ATTACK}",)),
        "units": (UnitRecord(key="x", label=ATTACK, kind="worker", status=Status.FAILED, error=ATTACK),),
        "result": AnalysisResult(
            question=ATTACK,
            analysis=ATTACK,
            answer=f"{ATTACK} [1] [2] [999]\n\n<img src=x onerror=alert(1)>\n\n```{ATTACK}\n{ATTACK}\n\n# {ATTACK}",
            citations=(Citation(path=ATTACK, line=1, end_line=1, quote=ATTACK, status="verified"),),
            contradictions=(Contradiction(about=ATTACK, notes=(_EVIL, _EVIL)),),
            notes=(_EVIL,),
            areas=(Area(label=ATTACK, files=(ATTACK,), question=ATTACK, status=Status.FAILED),),
            map=MapSummary(
                files=1,
                languages={ATTACK: 1},
                cycles=((ATTACK, f"{ATTACK}2"),),
                central=(ATTACK,),
                entry_points=(ATTACK,),
            ),
            tables=(
                Table(
                    name=ATTACK,
                    title=ATTACK,
                    about=ATTACK,
                    columns=(ATTACK, ATTACK),
                    rows=(Row(path=ATTACK, line=1, end_line=1, cells=(ATTACK, None)),),
                    total=1,
                ),
            ),
            graph=ModuleGraph(
                modules=(
                    Module(name=ATTACK, files=1, lines=1, tokens=1, cycle=1),
                    Module(name=f"{ATTACK}2", files=1, lines=1, tokens=1, cycle=1),
                ),
                links=(Link(source=ATTACK, target=f"{ATTACK}2"), Link(source=f"{ATTACK}2", target=ATTACK)),
                note=ATTACK,
            ),
            left_out=(Unread(path=ATTACK, why=ATTACK),),
            continues=ATTACK,
        ).model_dump(mode="json"),
    }
)

ANALYSES = {"full": FULL, "empty": EMPTY, "partial": PARTIAL, "hostile": HOSTILE}
