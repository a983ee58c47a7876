"""Who does what, and which model does it unless somebody says otherwise."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from fanfold.errors import UsageError

DEFAULT_MODEL = "claude-opus-5-5"


@dataclass(frozen=True, slots=True)
class Role:
    """A role of sub-agents: what it does, and the model that it has by default."""

    does: str
    model: str = DEFAULT_MODEL


# Roles that read the same context share its cache entry only if they agree on the model: a cheaper verifier would pay
# for the whole context once more. A summariser reads what nobody else does.
ROLES: Mapping[str, Role] = {
    "finder": Role("reads a change for some aspects"),
    "verifier": Role("tries to refute what a finder reports"),
    "triager": Role("says why a cluster of tests fails"),
    "planner": Role("decides what an analysis has to look at"),
    "worker": Role("reads one area of the code for an analysis"),
    "synthesiser": Role("answers the question from what the workers found"),
    "summariser": Role("puts a file, a log or a cluster of failures into few words", "claude-haiku-5-5"),
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

    `model` is the one that was asked for, for every role; None leaves each role its default. `chosen` are pairs
    "ROLE=NAME", which count more. Raises UsageError.
    """
    if model is not None and not model.strip():
        raise UsageError("--model: a name is expected")
    run = model or DEFAULT_MODEL
    models = {} if model else {name: role.model for name, role in ROLES.items() if role.model != run}
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
