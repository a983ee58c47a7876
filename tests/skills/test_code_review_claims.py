"""What is tried, how verdicts are counted, and what becomes of a claim."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.models import Dropped, Severity, Verdict
from fanfold.skills.code_review.answer import VerifierAnswer
from fanfold.skills.code_review.claims import MOST_CLAIMS, Claim, Docket, judge, undecided
from fanfold.skills.code_review.fold import MINOR, NOT_TAKEN_UP, fold
from fanfold.testing.examples import finding


def standing(claim, heard, asked=3):
    judged = judge(claim, heard, asked)
    assert not isinstance(judged, Dropped)
    return judged


def said(verdict, severity="medium", *, ours=True):
    return VerifierAnswer(verdict=verdict, reason="Because.", severity=Severity(severity), by_this_change=ours)


READ = {"a.py", *(f"f{n:02}.py" for n in range(20))}
H, R, U = said("holds"), said("refuted"), said("unsure")


@pytest.mark.parametrize(
    ("heard", "asked", "severity", "becomes"),
    [
        ([H], 1, "medium", Verdict.CONFIRMED),
        ([R], 1, "critical", "refuted"),
        ([H, H], 3, "low", Verdict.CONFIRMED),
        ([R, R], 3, "critical", "refuted"),
        ([H, R, H], 3, "low", Verdict.CONFIRMED),
        ([H, R, R], 3, "critical", "refuted"),
        ([H, R, U], 3, "high", Verdict.UNVERIFIED),
        ([H, R, U], 3, "medium", "uncertain"),
        ([H, U, U], 3, "medium", Verdict.PLAUSIBLE),
        ([U, U, U], 3, "low", "uncertain"),
        ([U], 1, "critical", Verdict.UNVERIFIED),
        ([], 3, "low", Verdict.UNVERIFIED),
        ([R], 3, "high", Verdict.UNVERIFIED),
    ],
)
def test_verdicts_are_counted(heard, asked, severity, becomes):
    """A majority of those asked decides; what is uncertain stays when it is grave, and is marked."""
    judged = judge(Claim(finding(severity=severity), 0), heard, asked)
    if isinstance(judged, Dropped):
        assert (judged.reason, judged.why) == (becomes, heard[0].reason)
    else:
        assert {found.verdict for found in judged} == {becomes}


@given(st.lists(st.sampled_from([H, R, U]), max_size=3), st.sampled_from(list(Severity)))
def test_the_order_of_verdicts_does_not_matter(heard, severity):
    """And one more confirmation never makes a claim less sure, nor drops it."""
    claim = Claim(finding(severity=severity), 0)

    def becomes(answers):
        judged = judge(claim, answers, 3)
        return judged.reason if isinstance(judged, Dropped) else judged[0].verdict

    assert becomes(heard) == becomes(heard[::-1])
    if len(heard) < 3 and becomes(heard) is Verdict.CONFIRMED:
        assert becomes([*heard, H]) is Verdict.CONFIRMED


def test_a_third_verifier_is_asked_only_when_two_disagree():
    """Two that agree are a majority already."""
    assert not undecided([H, H])
    assert not undecided([R, R])
    assert undecided([H, R])
    assert undecided([H, U])
    assert undecided([])


def test_the_severity_is_the_verifiers():
    """The median of those who confirm; a finder's own rating is not asked."""
    (one,) = standing(Claim(finding(severity="critical"), 0), [said("holds", "low"), said("holds", "medium")])
    assert one.severity is Severity.LOW


def test_whose_fault_it_is_is_the_verifiers_to_say():
    """A change can break a line that it leaves alone; and what would go wrong without it is not its own."""
    touched, untouched = finding(), finding(introduced=False)
    ours, theirs = said("holds"), said("holds", ours=False)
    for one in (touched, untouched):
        assert standing(Claim(one, 0), [ours, ours])[0].introduced
        assert not standing(Claim(one, 0), [theirs, theirs])[0].introduced
        assert not standing(Claim(one, 0), [ours, theirs])[0].introduced
    assert standing(Claim(touched, 0), [])[0].introduced
    assert not standing(Claim(untouched, 0), [])[0].introduced


def test_the_same_is_tried_once():
    """Whoever says it again joins the claim, and adds to its confidence."""
    docket = Docket()
    (claim,) = docket.admit([finding(), finding(title="Off by one in the sum")], 0)
    assert docket.admit([finding(sources=("security",), aspect="security")], 0) == []
    alone = standing(Claim(claim.finding, 0), [H, H])
    agreed = standing(claim, [H, H])
    assert agreed[0].confidence > alone[0].confidence
    assert len(agreed) == 3


def test_one_mistake_in_many_places_is_one_claim_and_one_finding():
    """The gravest is tried for all; the report names the other places."""
    docket = Docket()
    many = [finding(path=f"f{n:02}.py", severity="high" if n == 7 else "low") for n in range(20)]
    (claim,) = docket.admit(many, 0)
    assert claim.finding.path == "f07.py"
    (one,) = fold(standing(claim, [H, H]), [], [], read=READ).findings
    assert len(one.also) == 19


def test_five_hundred_findings_of_one_finder_are_bounded():
    """The gravest are tried; the rest is dropped by name."""
    docket = Docket()
    words = ("ant", "bee", "cow", "dog", "elk")
    flood = [
        finding(line=n + 1, end_line=n + 1, mechanism=f"m{n}", title=f"{words[n % 5]} {n * 7919}", severity="low")
        for n in range(500)
    ]
    new = docket.admit([*flood, finding(line=900, end_line=900, severity="critical", mechanism="x", title="Grave")], 0)
    assert len(new) == MOST_CLAIMS
    assert new[0].finding.title == "Grave"
    assert len(docket.dropped) == 501 - MOST_CLAIMS
    assert {dropped.reason for dropped in docket.dropped} == {"too-many"}


def test_what_no_reader_took_up_is_not_shown():
    """An analyzer's word counts when nobody read, when it proves itself, and when a reader joins in."""
    rule = finding(sources=("ruff:B006",), verdict="plausible", mechanism="", title="Mutable default")
    assert fold([rule], [], []).findings[0].stands
    assert fold([rule], [], [], read=READ).findings[0].suppressed == NOT_TAKEN_UP
    exact = rule.model_copy(update={"sources": ("contracts:removed-symbol",)})
    assert fold([exact], [], [], read=READ).findings[0].stands
    joined = rule.model_copy(update={"sources": ("correctness", "ruff:B006")})
    assert fold([joined], [], [], read=READ).findings[0].stands
    assert fold([finding(severity="info")], [], [], read=READ).findings[0].suppressed == MINOR
