"""Have a planner look a plan over: merge, split, ask a narrower question, leave out. Its wishes are checked by code.

The plan that was packed stands where it wishes nothing. It says what to change by the areas' ids and the files' paths,
so that a file which it does not mention stays where it is: none is lost without a word.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fanfold.agents.fence import fence
from fanfold.agents.prices import estimate_tokens
from fanfold.agents.said import one_line
from fanfold.agents.spec import AgentSpec, Allowance, Answered, Brief
from fanfold.agents.units import AgentTask, AgentWorker, agent_unit
from fanfold.models import Outcome, Unit
from fanfold.skills.multi_file_analysis.answer import PlannerAnswer, Together, Unread
from fanfold.skills.multi_file_analysis.brief import HAND_IN_PLAN
from fanfold.skills.multi_file_analysis.packing import coarse, pack
from fanfold.skills.multi_file_analysis.plan import AreaPlan, AreaTask, Part, arranged, ties_among
from fanfold.skills.multi_file_analysis.work import Reading
from fanfold.sources.repo_map.values import LeftOut, RepoMap
from fanfold.sources.text import counted, listed, printable

if TYPE_CHECKING:
    from fanfold.agents.backends import Backend
    from fanfold.engine.supervisor import Supervisor

LISTING_TOKENS = 12_000
_HINTS = (8, 3, 0)  # names of definitions that are shown of a file, fewer where there are many files
_LONGEST_QUESTION = 500
_LONGEST_REASON = 160
_MAX_TOKENS = 8_000
_ALLOWANCE = Allowance(turns=4)
# A planner that tears the plan into more areas than this many for each has not understood what they cost.
_MOST_AREAS = 2
_LEAST_AREAS = 4
_EFFORTS = frozenset({"high", "xhigh", "max"})


@dataclass(frozen=True, slots=True)
class Planner:
    """Who looks a plan over; `allowance` is what one area may hold, in tokens."""

    brief: Brief
    reading: Reading
    allowance: int

    async def look_over(self, plan: AreaPlan, supervisor: Supervisor, backend: Backend) -> AreaPlan:
        """Return the plan as the planner wishes it, as far as that holds; the same plan, with a note, without one."""
        asking = AgentWorker(backend)
        outcome: Outcome[Answered[PlannerAnswer]] = await supervisor.run(self.unit(plan), asking)
        if outcome.value is None:
            why = outcome.error or outcome.status.value
            return replace(plan, notes=(*plan.notes, f"no planner looked the plan over: {why}"))
        return refined(plan, outcome.value.answer, self.reading.repo_map, allowance=self.allowance)

    def unit(self, plan: AreaPlan) -> Unit[AgentTask[PlannerAnswer]]:
        """Return the unit that looks `plan` over."""
        told = f"You are the planner. One worker reads at most {self.allowance:,} tokens. The plan:"
        spec = AgentSpec(
            role="planner",
            brief=self.brief,
            context=self.reading.context,
            task=f"{told}\n\n{fence('plan', listing(plan, self.reading.repo_map))}",
            answer=HAND_IN_PLAN,
            max_tokens=_MAX_TOKENS,
            allowance=_ALLOWANCE,
        )
        return agent_unit(spec, AgentTask(spec), kind="planner", label="look the plan over", stands=self.reading.stands)


def worth_planning(effort: str | None, plan: AreaPlan) -> bool:
    """Tell whether a planner is asked: from high effort on, when there are more than a few areas.

    Its plan may differ from the last one, and then all is read again; the one that was packed does for most questions.
    """
    return effort in _EFFORTS and len(plan.areas) >= _LEAST_AREAS


def by_id(plan: AreaPlan) -> Mapping[str, AreaTask]:
    """Return the areas by the ids under which a planner knows them, in order of their paths.

    By relevance they would change places after an edit anywhere, and the planner would be paid again.
    """
    ordered = sorted(plan.areas, key=lambda area: sorted((part.path, part.line) for part in area.parts))
    return {f"A{number}": area for number, area in enumerate(ordered, 1)}


def listing(plan: AreaPlan, tree: RepoMap) -> str:
    """Return the areas as a planner sees them: ids, coarse sizes, files and some of what these define."""
    text = ""
    for hints in _HINTS:
        text = "\n".join(line for name, area in by_id(plan).items() for line in _shown(name, area, tree, hints))
        if estimate_tokens(text) <= LISTING_TOKENS:
            return text
    heads = "\n".join(f"{name} {printable(area.label)}" for name, area in by_id(plan).items())
    return text if estimate_tokens(text) <= 2 * LISTING_TOKENS else heads


def _shown(name: str, area: AreaTask, tree: RepoMap, hints: int) -> Iterator[str]:
    yield f"{name} {printable(area.label)}, about {coarse(area.tokens):,} tokens"
    for part in area.parts:
        facts = tree.files[part.path].facts
        inside = [s for s in facts.symbols if "." not in s.qualified and part.line <= s.line <= part.end_line]
        names = ", ".join(printable(symbol.name) for symbol in inside[:hints])
        doc = f" — {one_line(facts.doc)}" if facts.doc and hints else ""
        yield f"  {printable(part.shown)}{doc}{f' ({names})' if names else ''}"


def refined(plan: AreaPlan, said: PlannerAnswer, tree: RepoMap, *, allowance: int) -> AreaPlan:
    """Return the plan with a planner's wishes, as far as they hold, and notes on those that do not. Pure.

    What is named twice counts where it is named first, and by its path before by its area. What is too large for one
    area is packed into several. A wish to leave something out needs a reason; a plan that reads nothing, or that has
    more than twice as many areas, is refused as a whole.
    """
    notes: list[str] = []
    unread = [wish for wish in said.unread if wish.why.strip()]
    if len(unread) < len(said.unread):
        notes.append("what was to be left out without a reason is read")
    claims = _claims(plan, [*said.together, *unread], notes)
    areas = list(_kept(plan, claims))
    for number, wish in enumerate(said.together):
        areas += _together(wish, [part for part, by in claims.items() if by == number], tree, allowance, notes)
    if why := _refused(plan, areas):
        return replace(plan, notes=(*plan.notes, f"the planner's plan was not followed: {why}"))
    reasons = {number: wish.why for number, wish in enumerate(unread, len(said.together))}
    left_out = {part: reasons[by] for part, by in claims.items() if by in reasons}
    read = {path for area in areas for path in area.paths}
    return replace(
        plan,
        areas=arranged(areas, tree, plan.relevance),
        left_out=(*plan.left_out, *_left_out(tree, left_out, read)),
        ranked=tuple(path for path in plan.ranked if path in read),
        notes=(*plan.notes, *(f"the planner's plan was corrected: {note}" for note in notes)),
    )


def _claims(plan: AreaPlan, wishes: Sequence[Together | Unread], notes: list[str]) -> dict[Part, int]:
    """Return which wish each part falls to, by its number; parts that no wish names have no entry."""
    paths: dict[str, list[Part]] = defaultdict(list)
    for area in plan.areas:
        for part in area.parts:
            paths[printable(part.path)].append(part)
    areas = by_id(plan)
    unknown: list[str] = []
    twice: list[str] = []
    claims: dict[Part, int] = {}
    for number, path in ((n, path) for n, wish in enumerate(wishes) for path in wish.paths):
        found = paths.get(printable(path).removeprefix("./"), [])
        unknown += [] if found else [path]
        twice += [path for part in found[:1] if claims.get(part, number) != number]
        for part in found:
            claims.setdefault(part, number)
    owners: dict[str, int] = {}
    for number, name in ((n, name.strip()) for n, wish in enumerate(wishes) for name in wish.areas):
        unknown += [] if name in areas else [name]
        if owners.setdefault(name, number) != number:
            twice.append(name)
        for part in areas[name].parts if name in areas else ():
            claims.setdefault(part, owners[name])
    notes += [f"{_few(unknown)} is not in the plan"] if unknown else []
    notes += [f"{_few(twice)} was named twice, and is where it was named first"] if twice else []
    return claims


def _few(names: Sequence[str]) -> str:
    return listed([one_line(name) for name in dict.fromkeys(names)])


def _kept(plan: AreaPlan, claims: Mapping[Part, int]) -> Iterator[AreaTask]:
    """Yield what no wish names, as it was read together."""
    for area in plan.areas:
        if rest := tuple(part for part in area.parts if part not in claims):
            yield replace(area, parts=rest)


def _together(
    wish: Together, parts: Sequence[Part], tree: RepoMap, allowance: int, notes: list[str]
) -> Iterator[AreaTask]:
    """Yield one area for a wish, or several where one worker can't hold it."""
    groups = [tuple(parts)] if parts else []
    if sum(part.tokens for part in parts) > allowance:
        groups = pack(parts, ties_among(tree, {part.path for part in parts}), allowance)
        files = counted(len({part.path for part in parts}), "file")
        notes.append(f"{files} are too much for one worker, so {len(groups)} share them")
    for group in groups:
        yield AreaTask(group, question=one_line(wish.question, _LONGEST_QUESTION))


def _refused(plan: AreaPlan, areas: Sequence[AreaTask]) -> str:
    if plan.areas and not areas:
        return "nobody would read anything"
    if len(areas) > _MOST_AREAS * len(plan.areas):
        return f"it has {len(areas)} areas instead of {len(plan.areas)}"
    return ""


def _left_out(tree: RepoMap, reasons: Mapping[Part, str], read: set[str]) -> Iterator[LeftOut]:
    """Yield each file that is left out, and of one that is read in part the lines that are."""
    whole: set[str] = set()
    for part in sorted(reasons, key=lambda part: (part.path, part.line)):
        which = f"lines {part.line}-{part.end_line}" if part.path in read else "it"
        if part.path not in whole:
            why = one_line(reasons[part], _LONGEST_REASON)
            yield LeftOut(part.path, f"the planner left {which} out: {why}", tree.files[part.path].size)
        if part.path not in read:
            whole.add(part.path)
