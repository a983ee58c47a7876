"""A shard of a pytest suite while it is run: one process after the other, if need be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fanfold.models import Outcome
from fanfold.runners.pytest.shards import Shard
from fanfold.skills.parallel_test.records import shard_status
from fanfold.skills.parallel_test.stretch import Stretch
from fanfold.suites import ShardRecord


@dataclass
class ShardUnderWay:
    """What is planned of it, what its processes have done so far, and the key of its unit."""

    shard: Shard
    record: ShardRecord
    stretches: list[Stretch] = field(default_factory=list)
    key: str = ""

    def recorded(self, outcome: Outcome[Any] | None) -> ShardRecord:
        """Return its record once the run is over; without an outcome, or a process, it is what was planned."""
        if outcome is None or not self.stretches:
            return self.record
        broken = next((stretch.why for stretch in self.stretches if stretch.why), None)
        return self.record.model_copy(
            update={
                "status": shard_status(outcome, broken),
                "worker": self.stretches[0].worker.seat.number,
                "processes": len(self.stretches),
                "started_s": outcome.started_s,
                "ended_s": outcome.ended_s,
                "error": outcome.error or broken,
            }
        )
