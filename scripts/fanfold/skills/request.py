"""What every skill may be asked, with the same name and meaning everywhere."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from fanfold.agents.roles import DEFAULT_MODEL
from fanfold.models import Frozen


class Options(Frozen):
    """The options that review, test and analyze share; seconds and US dollars.

    `models` are those of roles that have another one than `model` (`roles.model_for`).
    """

    backend: str = "auto"
    model: str = DEFAULT_MODEL
    models: Mapping[str, str] = Field(default_factory=dict)
    effort: str | None = None
    jobs: int = Field(default=8, ge=1)
    timeout_s: float = Field(default=300.0, gt=0)
    deadline_s: float | None = Field(default=None, gt=0)
    max_cost_usd: float | None = Field(default=None, ge=0)
    fresh: bool = False
    replay: str | None = None
    record: str | None = None
