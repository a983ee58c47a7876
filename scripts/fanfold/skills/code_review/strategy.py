"""How much a review spends where: who reads for what, how many try to refute, and whether anybody looks again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from fanfold.skills.code_review.aspects import EFFORTS, Aspect, ChangeFacts

DEFAULT_EFFORT = "medium"
_EACH_ALONE = EFFORTS.index("high")
# One verifier takes all lenses, or three take one each and two of them decide.
LENSES = ("says", "reach", "guard")
ALL_LENSES = ("all",)


@dataclass(frozen=True, slots=True)
class Strategy:
    """What one effort buys.

    `finders` are the aspects that each finder of a part reads for, `lenses` those of a claim's verifiers. `sweep` has
    somebody look for what is not on the list, `second_sample` reads for correctness again, files in another order.
    """

    finders: tuple[tuple[Aspect, ...], ...]
    lenses: tuple[str, ...]
    sweep: bool
    second_sample: bool

    @property
    def aspects(self) -> tuple[Aspect, ...]:
        return tuple(aspect for group in self.finders for aspect in group)


def strategy(effort: str | None, aspects: Sequence[Aspect], facts: ChangeFacts, *, chosen: bool) -> Strategy:
    """Choose by effort and change; aspects that a person `chosen` by name run whatever the effort.

    More readers are not better by themselves: several aspects in one context find what one each does, and cost less, so
    a finder has one aspect only from high effort on.
    """
    level = effort or DEFAULT_EFFORT
    running = [a for a in aspects if chosen or (a.runs_at(level) and facts.call_for(a))]
    rank = EFFORTS.index(level)
    return Strategy(
        finders=_grouped(running, rank),
        lenses=LENSES if rank else ALL_LENSES,
        sweep=rank >= _EACH_ALONE,
        second_sample=rank >= _EACH_ALONE and any(a.name == "correctness" for a in running),
    )


def _grouped(aspects: Sequence[Aspect], rank: int) -> tuple[tuple[Aspect, ...], ...]:
    groups: dict[str, list[Aspect]] = defaultdict(list)
    for aspect in aspects:
        together = "everything" if rank == 0 else aspect.group
        alone = aspect.alone or rank >= _EACH_ALONE or not together
        groups[f"alone:{aspect.name}" if alone else together].append(aspect)
    return tuple(tuple(group) for group in groups.values())
