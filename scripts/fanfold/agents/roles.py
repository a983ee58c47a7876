"""Who does what, and which model does it unless somebody says otherwise."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Protocol

from fanfold.errors import UsageError

DEFAULT_MODEL = "claude-opus-5-5"


# What each role does. All have one model by default: those that read the same context share its cache entry only if
# they agree on the model, and a cheaper verifier would pay for the whole context once more.
ROLES: Mapping[str, str] = {
    "finder": "reads a change for some aspects",
    "verifier": "tries to refute what a finder reports",
    "triager": "says why a cluster of tests fails",
    "planner": "looks over who reads what, from high effort on",
    "worker": "reads one part of the code and notes what answers the question",
    "reducer": "condenses notes when there are too many for one answer",
    "synthesiser": "answers the question from what was noted",
}


class Chosen(Protocol):
    """Options that choose models."""

    @property
    def model(self) -> str: ...

    @property
    def models(self) -> Mapping[str, str]: ...


def model_for(role: str, options: Chosen) -> str:
    """Return the model that `options` give a role. Raises KeyError for a role that does not exist."""
    ROLES[role]
    return options.models.get(role, options.model)


def models_of(model: str | None, chosen: Iterable[str]) -> tuple[str, dict[str, str]]:
    """Return the run's model, and those of the roles that have another one.

    `model` is the one that was asked for, None leaves it at the default. `chosen` are pairs
    "ROLE=NAME", which count more. Raises UsageError.
    """
    if model is not None and not model.strip():
        raise UsageError("--model: a name is expected")
    run = model or DEFAULT_MODEL
    models = {}
    for pair in chosen:
        role, _, name = (part.strip() for part in pair.partition("="))
        if role not in ROLES or not name:
            raise UsageError(f"--model-for {pair}: {_why_not(role)}")
        models[role] = name
    return run, {role: name for role, name in sorted(models.items()) if name != run}


def _why_not(role: str) -> str:
    if role in ROLES:
        return "ROLE=NAME is expected"
    near = difflib.get_close_matches(role, ROLES, n=1)
    return f"unknown role {role!r}; " + (f"did you mean {near[0]!r}?" if near else f"there are {', '.join(ROLES)}")
