"""Which model a role has: the default, the run's, or its own."""

import re
from pathlib import Path

import pytest

from fanfold import skills
from fanfold.agents.roles import DEFAULT_MODEL, ROLES, model_for, models_of
from fanfold.errors import UsageError
from fanfold.skills.request import Options


def options(model=None, *chosen):
    run, models = models_of(model, chosen)
    return Options(model=run, models=models)


def test_roles_share_a_model_by_default():
    """Roles that share a context share a model, and so its cache entry."""
    for chosen in (options(), Options()):
        assert {role: model_for(role, chosen) for role in ROLES} == dict.fromkeys(ROLES, DEFAULT_MODEL)


def test_every_role_that_is_offered_has_agents():
    """What --model-for offers is what some agent is asked as."""
    rooms = Path(skills.__file__).parent.rglob("*.py")
    asked = {role for room in rooms for role in re.findall(r'model_for\("(\w+)"', room.read_text(encoding="utf-8"))}
    assert asked == set(ROLES)


def test_one_name_is_for_everybody():
    """Also when it is the default's own."""
    for name in ("claude-sonnet-5-5", DEFAULT_MODEL):
        assert {model_for(role, options(name)) for role in ROLES} == {name}


def test_a_role_may_have_its_own():
    """Which counts more than the run's; of two for the same role the last one does."""
    chosen = options("m", "verifier=a", "triager = b", "verifier=c")
    assert [model_for(role, chosen) for role in ("finder", "verifier", "triager")] == ["m", "c", "b"]


@pytest.mark.parametrize(
    ("model", "pair", "says"),
    [
        (None, "verifer=m", "did you mean 'verifier'?"),
        (None, "zzz=m", "there are finder, verifier"),
        (None, "verifier", "ROLE=NAME is expected"),
        (None, "verifier= ", "ROLE=NAME is expected"),
        (" ", "verifier=m", "--model: a name is expected"),
    ],
)
def test_what_is_no_role_or_no_name_is_said(model, pair, says):
    """With what was given, and what there is."""
    with pytest.raises(UsageError, match=says):
        models_of(model, [pair])


def test_a_role_that_does_not_exist_is_a_defect():
    """Skills name roles in code."""
    with pytest.raises(KeyError):
        model_for("wizard", options())
