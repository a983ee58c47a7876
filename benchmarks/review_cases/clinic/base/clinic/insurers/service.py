"""Insurers: with whom there is a contract, and what it says."""

from datetime import timedelta

from clinic.errors import Conflict, Invalid, NotFound
from clinic.insurers import repository as insurers


def sign(db, insurer):
    """Store a contract; an insurer has one at a time."""
    for other in insurers.of_name(db, insurer['name']):
        if other['contract_until'] is None or other['contract_until'] >= insurer['contract_from']:
            raise Conflict(f"there is a contract with {insurer['name']}")
    return insurers.insert(db, insurer)


def contract_on(db, insurer_id, day):
    """Return the contract with an insurer on a day. Raises NotFound when there is none."""
    insurer = insurers.get(db, insurer_id)
    if not holds(insurer, day):
        raise NotFound("a contract on", day)
    return insurer


def holds(insurer, day):
    """Tell whether a contract holds on a day; its last day belongs to it."""
    return insurer['contract_from'] <= day and (insurer['contract_until'] is None or day <= insurer['contract_until'])


def share(insurer, total_cents):
    """Return what an insurer pays of an amount, in cents, rounded down, up to its cap."""
    part = total_cents * insurer['share_percent'] // 100
    return part if insurer['cap_cents'] is None else min(part, insurer['cap_cents'])


def end(db, insurer_id, day):
    """End a contract after a day."""
    insurer = insurers.get(db, insurer_id)
    if day < insurer['contract_from']:
        raise Invalid("a contract ends after it begins")
    return insurers.update(db, dict(insurer, contract_until=day))


def renegotiate(db, insurer_id, share_percent, cap_cents, day):
    """End a contract on the day before, and begin another one with other terms."""
    with db.transaction():
        insurer = end(db, insurer_id, day - timedelta(days=1))
        terms = dict(
            insurer,
            id=0,
            version=0,
            share_percent=share_percent,
            cap_cents=cap_cents,
            contract_from=day,
            contract_until=None,
        )
        return insurers.insert(db, terms)
