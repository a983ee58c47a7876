"""Whether, when and how a failed attempt is followed by another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold import errors
from fanfold.engine.retry import Again, End, RetryPolicy, decide, describe
from fanfold.models import Status

POLICY = RetryPolicy()


def judge(*failures: BaseException, remaining_s: float = 1000.0, draw: float = 0.5) -> Again | End:
    return decide(POLICY, failures, remaining_s=remaining_s, draw=draw)


FINAL = [
    errors.Unauthorized,
    errors.NoCredit,
    errors.NotFound,
    errors.BadRequest,
]


@pytest.mark.parametrize("error", FINAL)
def test_final_errors_end_the_unit(error):
    """400, 401, 402, 403, 404, 413 and spend limits are never asked again."""
    assert judge(error("because")) == End(Status.FAILED, "because")


def test_a_refusal_is_its_own_status():
    """What the model declines is declined."""
    assert judge(errors.Refused("the model declined: no")) == End(Status.REFUSED, "the model declined: no")


def every_error(kind: type[errors.WorkerError] = errors.WorkerError) -> list[type[errors.WorkerError]]:
    return [kind, *(below for sub in kind.__subclasses__() for below in every_error(sub))]


@pytest.mark.parametrize("error", every_error())
def test_every_worker_error_is_judged_by_its_family(error):
    """Transient ones and bad answers are asked again, all others end the unit; a new class can't fall through."""
    again = issubclass(error, errors.TransientError | errors.AnswerError)
    assert isinstance(judge(error("x")), Again if again else End)


def test_a_truncated_answer_is_asked_again_once_with_more_room():
    """The second truncation ends it."""
    assert judge(errors.Truncated("cut")) == Again(0.0, enlarge=True)
    assert judge(errors.Truncated("cut"), errors.Truncated("cut")) == End(Status.FAILED, "cut (asked 2 times)")


def test_an_invalid_answer_is_asked_again_once_with_the_fault_said():
    """The second one ends it, whatever else happened between them."""
    assert judge(errors.InvalidAnswer("no `title`")) == Again(0.0, correction="no `title`")
    second = judge(errors.InvalidAnswer("a"), errors.Overloaded("529"), errors.InvalidAnswer("no `title`"))
    assert second == End(Status.FAILED, "no `title` (asked 2 times)")


def test_truncated_and_invalid_are_asked_again_once_each():
    """An answer that fits after it was enlarged may still be corrected."""
    assert judge(errors.Truncated("cut"), errors.InvalidAnswer("bad")) == Again(0.0, correction="bad")


@pytest.mark.parametrize("error", [errors.Overloaded, errors.ConnectionLost, errors.TransientError])
def test_transient_errors_are_bounded(error):
    """After the last attempt the unit has failed, and the error says how often it was tried."""
    assert isinstance(judge(*[error("529")] * (POLICY.attempts - 1)), Again)
    assert judge(*[error("529")] * POLICY.attempts) == End(Status.FAILED, "529 (given up after 4 such failures)")


def test_rejections_have_a_bound_of_their_own():
    """A 429 costs no attempt of those for real failures, and has no pause of its own: the lane has one."""
    rejected = [errors.RateLimited("429", retry_after_s=2.0)] * (POLICY.attempts + 1)
    assert judge(*rejected) == Again(2.0, gated=True)
    assert judge(*rejected, errors.Overloaded("529")) == Again(0.25)
    assert isinstance(judge(*[errors.RateLimited("429")] * POLICY.rate_limited), End)


def test_backoff_doubles_and_is_drawn_evenly():
    """Exponential with full jitter: from nothing to twice as much each time, up to the most."""
    assert [POLICY.pause_s(n, 1.0) for n in range(1, 9)] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert POLICY.pause_s(5, 0.0) == 0.0
    assert POLICY.pause_s(10_000, 1.0) == 30.0


def test_retry_after_is_waited_for_and_the_jitter_comes_on_top():
    """A server's word is the least wait."""
    assert judge(errors.Overloaded("529", retry_after_s=7.0), draw=0.5) == Again(7.25)


@given(retry_after=st.floats(0, 1e6), remaining=st.floats(0, 1e6), draw=st.floats(0, 1, exclude_max=True))
def test_no_wait_goes_past_the_deadline(retry_after, remaining, draw):
    """A wait that ends after the deadline is not begun; the unit has timed out, and the error says why."""
    for error in (
        errors.Overloaded("x", retry_after_s=retry_after),
        errors.RateLimited("x", retry_after_s=retry_after),
    ):
        match judge(error, remaining_s=remaining, draw=draw):
            case Again(wait_s):
                assert retry_after <= wait_s < remaining
            case End(status, said):
                assert status is Status.TIMED_OUT
                assert "deadline" in said


def test_a_timeout_of_the_worker_is_not_asked_again():
    """TimeoutError is the worker's own limit."""
    assert judge(TimeoutError("pytest took 60 s")) == End(Status.TIMED_OUT, "pytest took 60 s")
    assert judge(TimeoutError()) == End(Status.TIMED_OUT, "the worker timed out")


def raised(error: Exception) -> Exception:
    try:
        raise error
    except type(error) as caught:
        return caught


def test_a_bug_in_a_worker_is_named_with_its_place():
    """Type, message, file and line."""
    match judge(raised(ZeroDivisionError("by zero"))):
        case End(Status.FAILED, said):
            assert said.startswith("ZeroDivisionError: by zero (test_retry.py:")
        case other:
            pytest.fail(f"{other}")


def test_a_worker_error_without_a_message_has_its_name():
    """Nothing fails for no reason."""
    assert judge(errors.BadRequest()) == End(Status.FAILED, "BadRequest")


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise ValueError("no")


def test_an_error_that_can_not_be_shown_is_still_one():
    """A message that raises does not hide the error."""
    assert describe(Unspeakable()) == "Unspeakable: its message can't be shown"
