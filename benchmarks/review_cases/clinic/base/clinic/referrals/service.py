"""Referrals: so many visits to a specialist, up to and including a day."""

from datetime import timedelta

from clinic.errors import Conflict, Invalid
from clinic.referrals import repository as referrals

LONGEST = timedelta(days=366)


def take_in(db, referral, today):
    """Store a referral that a patient has brought."""
    if referral['issued'] > today:
        raise Invalid("a referral is not issued in the future")
    if referral['valid_until'] - referral['issued'] > LONGEST:
        raise Invalid("a referral is good for a year at most")
    return referrals.insert(db, dict(referral, visits_used=0))


def is_valid(referral, day):
    """Tell whether a visit on that day would be covered."""
    in_time = referral['issued'] <= day <= referral['valid_until']
    return in_time and referral['visits_used'] < referral['visits_allowed']


def find(db, patient_id, specialty, day):
    """Return the referral that is used up next, of those that cover a visit."""
    covering = [
        each for each in referrals.of_patient(db, patient_id) if each['specialty'] == specialty and is_valid(each, day)
    ]
    return min(covering, key=lambda each: (each['valid_until'], each['id']), default=None)


def use_visit(db, referral_id, day):
    """Count a visit. Raises Conflict when it is not covered."""
    referral = referrals.get(db, referral_id)
    if not is_valid(referral, day):
        raise Conflict(f"the referral of {referral['issued'].isoformat()} does not cover {day.isoformat()}")
    return referrals.update(db, dict(referral, visits_used=referral['visits_used'] + 1))


def give_back(db, referral_id):
    """Take a visit back that did not happen."""
    referral = referrals.get(db, referral_id)
    if referral['visits_used'] == 0:
        raise Conflict("no visit was used")
    return referrals.update(db, dict(referral, visits_used=referral['visits_used'] - 1))


def days_left(referral, today):
    """Return on how many days, today included, a referral can still be used."""
    return max(0, (referral['valid_until'] - max(today, referral['issued'])).days + 1)
