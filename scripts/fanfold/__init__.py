"""Fan work out to parallel workers, fold what comes back into one report.

    from fanfold import Unit, fan_out

    outcomes = await fan_out(units, worker, jobs=8)

The names below come from their modules when they are first used: importing the package costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fanfold.engine.attempt import Attempt, Worker
    from fanfold.engine.budget import Budget
    from fanfold.engine.fan_out import FanOut, fan_out
    from fanfold.engine.gather import gather
    from fanfold.engine.hedge import HedgePolicy
    from fanfold.engine.limits import LaneLimits
    from fanfold.engine.pipeline import Pipeline, Stage, pipeline
    from fanfold.engine.retry import RetryPolicy
    from fanfold.engine.runs import run_of
    from fanfold.engine.supervise import supervise
    from fanfold.engine.supervisor import Supervisor
    from fanfold.models import Outcome, Status, Unit, Usage, content_key
    from fanfold.reports.templates import render

__version__ = "0.1.0"

__all__ = [
    "Attempt",
    "Budget",
    "FanOut",
    "HedgePolicy",
    "LaneLimits",
    "Outcome",
    "Pipeline",
    "RetryPolicy",
    "Stage",
    "Status",
    "Supervisor",
    "Unit",
    "Usage",
    "Worker",
    "content_key",
    "fan_out",
    "gather",
    "pipeline",
    "render",
    "run_of",
    "supervise",
]

_HOMES = {
    "fanfold.models": ("Outcome", "Status", "Unit", "Usage", "content_key"),
    "fanfold.engine.attempt": ("Attempt", "Worker"),
    "fanfold.engine.budget": ("Budget",),
    "fanfold.engine.fan_out": ("FanOut", "fan_out"),
    "fanfold.engine.gather": ("gather",),
    "fanfold.engine.hedge": ("HedgePolicy",),
    "fanfold.engine.limits": ("LaneLimits",),
    "fanfold.engine.pipeline": ("Pipeline", "Stage", "pipeline"),
    "fanfold.engine.retry": ("RetryPolicy",),
    "fanfold.engine.runs": ("run_of",),
    "fanfold.engine.supervise": ("supervise",),
    "fanfold.engine.supervisor": ("Supervisor",),
    "fanfold.reports.templates": ("render",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
