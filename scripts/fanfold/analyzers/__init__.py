"""Static analyzers as workers: one module each, one `Finding` shape."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from fanfold.errors import ConfigError

if TYPE_CHECKING:
    from fanfold.analyzers.base import Analyzer

ANALYZERS = {
    "ruff": "fanfold.analyzers.ruff:RUFF",
    "bandit": "fanfold.analyzers.bandit:BANDIT",
    "secrets": "fanfold.analyzers.secrets:SECRETS",
    "addressed": "fanfold.analyzers.addressed:ADDRESSED",
    "complexity": "fanfold.analyzers.complexity:COMPLEXITY",
    "contracts": "fanfold.analyzers.contracts:CONTRACTS",
    "mypy": "fanfold.analyzers.mypy:MYPY",
}
"""Every analyzer, by name; imported when it is asked for."""


def load(name: str) -> Analyzer:
    """Return the analyzer `name`.

    Raises:
        ConfigError: there is none of that name; the message lists those there are.
    """
    if name not in ANALYZERS:
        raise ConfigError(f"there is no analyzer {name!r}: choose from {', '.join(ANALYZERS)}")
    module, _, attribute = ANALYZERS[name].partition(":")
    analyzer: Analyzer = getattr(import_module(module), attribute)
    return analyzer
