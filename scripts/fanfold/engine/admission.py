"""The way to an attempt: the prefix's turn, a slot under gate and pace, time, and room in the budget."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from fanfold.engine.budget import Budget, Reservation, reservable
from fanfold.engine.lanes import Slot
from fanfold.engine.machinery import Machinery
from fanfold.engine.priming import Turn
from fanfold.engine.ticket import Ticket
from fanfold.models import Status


@dataclass(frozen=True, slots=True)
class Grant:
    """What one attempt was given: its slot, its reservation (None without a budget), its turn at the prefix."""

    slot: Slot
    reservation: Reservation | None = None
    turn: Turn | None = None

    def settle(self, m: Machinery, cost_usd: float | None) -> None:
        """Give everything back after an attempt that cost so much, None for an unknown amount."""
        if self.turn:
            self.turn.ended()
        if self.reservation:
            self.reservation.settle(cost_usd)
        m.lanes.release(self.slot)


async def admit(m: Machinery, ticket: Ticket) -> Grant | None:
    """Wait until the unit may send; None when it never may, which has ended its ticket.

    Nothing is held while waiting for anything else, except a reservation that was waited for: a unit that found room
    would lose it again to those that hold slots.
    """
    usd = ticket.reserve_usd or 0.0
    if m.budget and not reservable(ticket.reserve_usd):
        _refuse(m, ticket, "its worst case is unknown, and the run has a budget")
        return None
    reservation: Reservation | None = None
    try:
        while seat := await _seat(m, ticket):
            slot, turn = seat
            reservation = reservation or (m.budget.reserve(usd) if m.budget else None)
            if reservation or not m.budget:
                grant, reservation = Grant(slot, reservation, turn), None
                return grant
            _leave(m, slot, turn)
            reservation = await m.budget.room(usd)
            if reservation is None:
                _refuse(m, ticket, _no_room(m.budget, usd))
                break
    finally:
        if reservation:
            reservation.release()
    return None


def grant_now(m: Machinery, ticket: Ticket, slot: Slot) -> Grant | None:
    """Return the grant of a hedge that has its slot; None, and the slot given back, when there is no money for it."""
    if m.budget is None:
        return Grant(slot)
    reservation = m.budget.reserve(ticket.reserve_usd or 0.0)
    if reservation is None:
        m.lanes.release(slot)
        return None
    return Grant(slot, reservation)


async def _seat(m: Machinery, ticket: Ticket) -> tuple[Slot, Turn | None] | None:
    """Wait for the turn and then for a slot; None when it would be too late, which has ended the ticket."""
    unit = ticket.unit
    turn = await m.primers.turn(unit.prefix) if unit.prefix else None
    slot: Slot | None = None
    try:
        slot = await m.lanes.slot(unit, ticket.order)
    finally:
        if slot is None and turn:
            turn.ended()
    if slot is None:
        _too_late(ticket, f"{unit.lane} takes nothing more before the deadline")
        return None
    needs_s, remaining_s = m.least_s(unit), ticket.deadline - asyncio.get_running_loop().time()
    if remaining_s <= needs_s:
        _leave(m, slot, turn)
        _too_late(ticket, f"{remaining_s:.1f} s are left, and the quickest such unit took {needs_s:.1f} s")
        return None
    return slot, turn


def _leave(m: Machinery, slot: Slot, turn: Turn | None) -> None:
    m.lanes.release(slot)
    if turn:
        turn.ended()


def _no_room(budget: Budget, usd: float) -> str:
    left = f"${budget.remaining_usd:.4f} of ${budget.limit_usd:.4f}"
    return f"its worst case of ${usd:.4f} does not fit into what is left of the budget: {left}"


def _refuse(m: Machinery, ticket: Ticket, why: str) -> None:
    m.emit("budget.refused", ticket.unit.key, reserve_usd=ticket.reserve_usd)
    ticket.give_up(Status.OVER_BUDGET, why)


def _too_late(ticket: Ticket, why: str) -> None:
    """End a unit for which there is no time: timed out if it was tried."""
    ticket.give_up(Status.NOT_RUN if ticket.started_at is None else Status.TIMED_OUT, why)
