"""Practitioners: who may see whom, and for how long."""

from datetime import timedelta

from clinic.errors import Conflict, Invalid
from clinic.practitioners import repository as practitioners

LONGEST_VISIT = 180
RENEWAL_WARNING = timedelta(days=60)


def hire(db, practitioner, today):
    """Store a practitioner whose licence is good."""
    if practitioner['licensed_until'] < today:
        raise Invalid(f"the licence {practitioner['licence']} has run out")
    return practitioners.insert(db, practitioner)


def renew(db, practitioner_id, until):
    """Take down how long a licence is good; it never gets shorter."""
    practitioner = practitioners.get(db, practitioner_id)
    if until < practitioner['licensed_until']:
        raise Conflict("a licence is not taken back here")
    return practitioners.update(db, dict(practitioner, licensed_until=until))


def running_out(db, specialty, today):
    """Return those whose licence has to be renewed soon."""
    return [
        each
        for each in practitioners.of_specialty(db, specialty)
        if today <= each['licensed_until'] < today + RENEWAL_WARNING
    ]


def require_licensed(db, practitioner_id, day):
    """Return a practitioner who may work on a day. Raises Conflict for one who may not."""
    practitioner = practitioners.get(db, practitioner_id)
    if practitioner['licensed_until'] < day:
        raise Conflict(f"{practitioner['name']} has no licence on {day.isoformat()}")
    return practitioner


def visit_end(practitioner, start, visits):
    """Return when so many visits in a row are over."""
    minutes = practitioner['minutes_per_visit'] * visits
    if not 0 < minutes <= LONGEST_VISIT:
        raise Invalid(f"a visit takes at most {LONGEST_VISIT} minutes")
    return start + timedelta(minutes=minutes)


def choose(db, specialty, day, new_patient):
    """Return somebody of a specialty who may work that day, and takes new patients if it is one."""
    for practitioner in practitioners.of_specialty(db, specialty):
        if practitioner['licensed_until'] >= day and (practitioner['accepts_new'] or not new_patient):
            return practitioner
    return None
