"""HTML reports in a real browser: by keyboard, on a phone, in the dark, on paper, to a screen reader, under attack."""

import json
from pathlib import Path

import pytest

from fanfold.engine.events import Event
from fanfold.models import Severity, Status, UnitRecord, Verdict
from fanfold.reports.formats import Renderer, TemplateChoice
from fanfold.reports.hostile import ATTACK
from fanfold.reports.samples import FULL, runs_of
from fanfold.reports.tested_samples import FULL as TESTED
from fanfold.suites import Case, TestAttempt, TestRunResult, TestVerdict, Totals, results_of

EVERY = [(skill, name) for skill in ("code-review", "multi-file-analysis", "parallel-test") for name in runs_of(skill)]
WIDTHS = (400, 1400)

SEVERITIES = (Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW, Severity.INFO)
VERDICTS = (Verdict.CONFIRMED, Verdict.PLAUSIBLE)
MANY = FULL.model_copy(
    update={
        "findings": tuple(
            FULL.findings[0].model_copy(
                update={
                    "id": f"F{n + 1}",
                    "severity": SEVERITIES[n // 8],
                    "verdict": VERDICTS[n % 2],
                    "path": f"src/{'ab'[n % 2]}/file{n}.py",
                    "aspect": f"aspect-{n % 14}",
                }
            )
            for n in range(40)
        )
    }
)
ATTACKS = (
    ATTACK,
    '"><img src=x onerror=alert(1)>',
    "'; alert(1); //",
    "</title><svg onload=alert(1)>",
    "</style></script><script>alert(1)</script>",
    "<!--<script>",
    "javascript:alert(1)",
    "https://example.org/beacon.png",
    "\u202egnp.exe",
)
UNDER_ATTACK = FULL.model_copy(
    update={
        "target": FULL.target.model_copy(update={"description": ATTACKS[3]}),
        "id": ATTACKS[1],
        "model": ATTACKS[4],
        "notes": ATTACKS,
        "units": tuple(
            UnitRecord(key=text, label=text, kind=text, status=Status.FAILED, attempts=2, ended_s=n + 1.0, error=text)
            for n, text in enumerate(ATTACKS)
        ),
        "findings": tuple(
            FULL.findings[0].model_copy(
                update={
                    "id": f"F{n}{text}",
                    "path": text,
                    "aspect": text,
                    "title": text,
                    "explanation": f"{text}\n\n`{text}`\n\n- {text}",
                    "failure_scenario": text,
                    "quote": f"{text}\n" * 3,
                    "suggestion": f"--- a\n+++ b\n@@ -1 +1 @@\n-{text}\n+{text}\n",
                    "sources": (text,),
                    "notes": (text,),
                }
            )
            for n, text in enumerate([*ATTACKS, *(f"{n}{text}" for n, text in enumerate(ATTACKS))])
        ),
    }
)


def rendered(run, events=()):
    return Renderer(run.skill, ["html"], TemplateChoice()).render(run, "html", events)


def run_of(*suites):
    """A test run of suites, each a name, an environment and verdicts."""
    tests = tuple(
        test
        for name, environment, verdicts in suites
        for test in results_of(
            [
                Case(name=f"test_{n}", file="a.py", attempts=(TestAttempt(outcome=TestVerdict(v), duration_s=1.0),))
                for n, v in enumerate(verdicts)
            ],
            name,
            environment,
        )
    )
    return TESTED.model_copy(
        update={
            "result": TestRunResult(tests=tests, totals=Totals.of(test.verdict for test in tests)).model_dump(
                mode="json"
            )
        }
    )


def seen(page):
    return page.evaluate("[...document.querySelectorAll('[data-item]')].filter(e => e.checkVisibility()).length")


def said(page):
    return page.evaluate("document.querySelector('.filters output').textContent")


def tab_to(page, selector, most=60):
    """Press Tab until what is wanted has the focus, as somebody without a pointer does."""
    for _ in range(most):
        page.press("Tab")
        if page.evaluate(f"document.activeElement.matches({json.dumps(selector)})"):
            return
    pytest.fail(f"Tab does not reach {selector}")


def test_filters_work_by_keyboard(opened):
    """Tab reaches each control, Space ticks it, arrows choose from a list, letters search; the count follows."""
    page = opened(rendered(MANY))
    assert (seen(page), said(page)) == (40, "40 findings")
    tab_to(page, "[name=severity][value=high]")
    page.press("Space")
    assert (seen(page), said(page)) == (8, "8 of 40 findings shown")
    page.press("Tab", "Space")
    assert page.evaluate("document.activeElement.value") == "medium"
    assert (seen(page), said(page)) == (16, "16 of 40 findings shown")
    tab_to(page, "select[name=aspect]")
    page.press("ArrowDown", "ArrowDown")
    assert page.evaluate("document.activeElement.value") == "aspect-1"
    assert seen(page) == 1
    page.press("ArrowUp", "ArrowUp")
    assert seen(page) == 16
    tab_to(page, "[name=verdict][value=confirmed]")
    page.press("Space")
    assert seen(page) == 8
    tab_to(page, "[name=file]")
    page.press(*"FILE1")
    assert (seen(page), said(page)) == (5, "5 of 40 findings shown")
    page.press("x")
    assert (seen(page), said(page)) == (0, "0 of 40 findings shown")
    assert page.evaluate("document.querySelector('.none').checkVisibility()")
    tab_to(page, "button[type=reset]")
    page.press("Space")
    page.evaluate("new Promise(done => setTimeout(done, 20))")
    assert (seen(page), said(page)) == (40, "40 findings")


def test_the_count_is_announced(opened):
    """It is a status, which screen readers speak as it changes, and every control has a name."""
    page = opened(rendered(MANY))
    tree = page.call("Accessibility.getFullAXTree")["nodes"]
    roles = [node.get("role", {}).get("value") for node in tree]
    assert "status" in roles
    wanted = {"checkbox", "searchbox", "combobox", "button"}
    controls = [node for node in tree if node.get("role", {}).get("value") in wanted]
    assert len(controls) >= 9
    assert all(node["name"]["value"] for node in controls)
    assert {"banner", "main", "contentinfo", "form", "navigation"} <= set(roles)


def test_tests_are_filtered_by_verdict_suite_and_environment(opened):
    """The page of a test run has the same controls over its tests."""
    page = opened(rendered(run_of(("unit", "3.11", ["passed", "failed"]), ("web", "3.12", ["passed"] * 3))))
    assert (seen(page), said(page)) == (5, "5 tests")
    tab_to(page, "[name=verdict][value=passed]")
    page.press("Space")
    assert seen(page) == 4
    tab_to(page, "[name=suite][value=unit]")
    page.press("Space")
    assert seen(page) == 1
    tab_to(page, "[name=environment][value='3.12']")
    page.press("Space")
    assert (seen(page), said(page)) == (0, "0 of 5 tests shown")


def test_what_passed_is_folded(opened):
    """Of many tests those that passed are behind a fold, which a filter opens; few are not."""
    page = opened(rendered(run_of(("unit", "default", ["passed"] * 30 + ["failed", "skipped"]))))
    assert (seen(page), said(page)) == (2, "32 tests")
    assert page.evaluate("document.querySelector('.folded summary').textContent") == "Passed: 30 tests"
    page.evaluate("document.querySelector('[name=verdict][value=passed]').click()")
    assert (seen(page), said(page)) == (30, "30 of 32 tests shown")
    again = opened(rendered(run_of(("unit", "default", ["passed"] * 30 + ["failed", "skipped"]))))
    again.evaluate("document.querySelector('[type=reset]').click()")
    assert seen(again) == 32
    assert seen(opened(rendered(run_of(("unit", "default", ["passed"] * 20))))) == 20


def test_what_is_wider_than_the_page_shows_that_it_scrolls(opened):
    """A shadow stands on the side on which there is more, and a box that fits has none to show."""
    page = opened(rendered(runs_of("multi-file-analysis")["full"]), width=400)
    said = page.evaluate(
        "[...document.querySelectorAll('.wide')].filter(e => e.scrollWidth > e.clientWidth)"
        ".map(e => getComputedStyle(e).backgroundAttachment)"
    )
    assert said
    assert set(said) == {"local, local, scroll, scroll"}


def test_thousands_come_back_one_screen_at_a_time(opened):
    """What the filter lets pass again is shown within some frames, the count at once; another filter wins over it."""
    page = opened(rendered(run_of(("unit", "default", ["passed"] * 1_500 + ["failed"]))))
    box = "document.querySelector('[name=verdict][value=failed]')"
    page.evaluate(f"{box}.click()")
    assert (seen(page), said(page)) == (1, "1 of 1,501 tests shown")
    assert page.evaluate(f"{box}.click(); document.querySelector('output').textContent") == "1,501 tests"
    page.evaluate("new Promise(done => setTimeout(done, 500))")
    assert seen(page) == 1_501
    page.evaluate(f"{box}.click(); {box}.click(); {box}.click(); new Promise(done => setTimeout(done, 300))")
    assert seen(page) == 1


def test_the_first_tab_skips_to_the_report(opened):
    """Whoever can't scroll past the head by eye gets past it by one key."""
    page = opened(rendered(MANY))
    page.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the report"
    assert page.evaluate("document.activeElement.getBoundingClientRect().width > 100")
    page.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_a_link_shows_what_the_filter_hides(opened):
    """The address of a finding leads to it, whatever is ticked."""
    page = opened(rendered(MANY))
    page.evaluate("document.querySelector('[name=severity][value=low]').click()")
    assert seen(page) == 8
    page.evaluate("location.hash = '#F3'; new Promise(done => setTimeout(done, 100))")
    assert seen(page) == 40
    top = page.evaluate("document.getElementById('F3').getBoundingClientRect().top")
    assert -5 <= top < 900


def test_the_timeline_tells_of_a_bar_by_arrow_keys(opened):
    """It is there, a lane for each worker; arrows go from bar to bar, and what is said of one stands below."""
    events = [
        Event(0.0, "unit.planned", "a", {"label": "first", "kind": "finder", "lane": "m"}),
        Event(0.5, "attempt.started", "a", {"number": 1, "hedge": False}),
        Event(2.0, "attempt.ended", "a", {"number": 1, "hedge": False, "status": "failed"}),
        Event(3.0, "attempt.started", "a", {"number": 2, "hedge": False}),
        Event(4.0, "attempt.ended", "a", {"number": 2, "hedge": False, "status": "ok"}),
    ]
    page = opened(rendered(FULL, events))
    assert page.evaluate("document.querySelectorAll('.chart svg .bar:not(.reused)').length") == 2
    tab_to(page, ".chart")
    page.press("ArrowRight")
    readout = "document.querySelector('.readout').textContent"
    assert (
        page.evaluate(readout) == "first · finder · failed · 1.5 s · from 0.5 s · waited 0.5 s · on the critical path"
    )
    page.press("ArrowRight")
    assert "attempt 2" in page.evaluate(readout)
    page.press("ArrowLeft")
    assert "failed" in page.evaluate(readout)


@pytest.mark.parametrize(("skill", "name"), EVERY)
def test_every_page_fits_and_is_accessible(skill, name, opened, axe, request):
    """At 400 and 1,400 pixels, light and dark: no scrolling sideways, a picture, nothing that axe-core objects to."""
    page = opened(rendered(runs_of(skill)[name]))
    pictures = set()
    for width in WIDTHS:
        for dark in (False, True):
            page.resize(width)
            page.prefer(dark=dark)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            pictures.add(picture(page, request, f"{skill}-{name}-{width}-{'dark' if dark else 'light'}"))
            if dark == (width == max(WIDTHS)):
                assert violations(page, axe) == []
    assert len(pictures) == 4


def picture(page, request, name):
    """Take a picture of a whole page; it shows something."""
    png = page.screenshot(whole=True)
    assert png.startswith(b"\x89PNG")
    assert len(png) > 20_000
    if folder := request.config.getoption("--screenshots"):
        folder.mkdir(parents=True, exist_ok=True)
        Path(folder, f"{name}.png").write_bytes(png)
    return png


def violations(page, axe):
    """Return what axe-core objects to; it has to have looked at something."""
    page.evaluate(axe)
    passed, found = page.evaluate("axe.run().then(r => [r.passes.length, r.violations])")
    assert passed > 15
    return [f"{one['id']}: {one['nodes'][0]['html']} {one['nodes'][0]['failureSummary']}" for one in found]


def test_axe_core_objects_when_there_is_reason_to(opened, axe):
    """What is grey on grey, or an image of nothing, is seen: the silence above says something."""
    page = opened("<!doctype html><html lang=en><title>x</title><h1>x</h1><p><svg role=img></svg>")
    page.evaluate(axe)
    found = page.evaluate("axe.run().then(r => r.violations.map(v => v.id))")
    assert "svg-img-alt" in found


def test_many_findings_are_accessible(opened, axe, request):
    """All controls, severities and verdicts on one page."""
    for dark in (False, True):
        page = opened(rendered(MANY), dark=dark)
        picture(page, request, f"many-{'dark' if dark else 'light'}")
        assert violations(page, axe) == []


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_hostile_runs(width, opened, axe):
    """Scripts, handlers, links and images in every field of a run stay text, and ask for nothing."""
    page = opened(rendered(UNDER_ATTACK), width=width)
    page.evaluate("new Promise(done => setTimeout(done, 100))")
    assert page.evaluate("document.querySelectorAll('img, iframe, link, script').length") == 1
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("document.querySelector('h3').textContent.includes('<script>alert(1)')")
    assert violations(page, axe) == []


def test_the_policy_holds(opened):
    """Even what runs inside of the page can add no script, style or request to it."""
    page = opened(rendered(FULL))
    outcome = page.evaluate(
        """(async () => {
            const tried = {};
            const attempt = async (name, act) => {
                try { await act(); tried[name] = true; } catch { tried[name] = false; }
            };
            await attempt("markup", () => { document.body.innerHTML += "<p>"; });
            await attempt("script", () => { document.createElement("script").textContent = "window.ran = 1"; });
            await attempt("fetch", () => fetch("http://127.0.0.1:9/"));
            document.body.setAttribute("style", "display: none");
            tried.style = getComputedStyle(document.body).display === "none";
            return tried;
        })()"""
    )
    assert outcome == {"markup": False, "script": False, "fetch": False, "style": False}
    assert len(page.problems) >= 2
    page.problems.clear()
    page.requests.clear()


def test_paper_shows_everything_and_no_control(opened):
    """What is folded is open, what is to be clicked is gone, nothing is hidden below the fold."""
    page = opened(rendered(MANY))
    page.prefer(medium="print")
    shown = page.evaluate(
        """[".filters", ".contents", ".skip", ".readout", "details table", ".finding:last-of-type .diff"].map(
            (name) => document.querySelector(name).checkVisibility({contentVisibilityAuto: true}))"""
    )
    assert shown == [False, False, False, False, True, True]
    page.prefer(dark=True, medium="print")
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(28, 27, 25)"
    pdf = page.call("Page.printToPDF")["data"]
    assert len(pdf) > 50_000


def test_without_scripts_the_report_is_whole(opened):
    """Nothing depends on a script but the filters, which then are not shown."""
    page = opened(rendered(MANY))
    page.call("Emulation.setScriptExecutionDisabled", value=True)
    page.go(page.url)
    page.call("Emulation.setScriptExecutionDisabled", value=False)
    assert page.evaluate("document.querySelector('.filters').checkVisibility()") is False
    assert seen(page) == 40
