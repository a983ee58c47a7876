"""The waiting list: who gets a visit that has become free."""

from clinic.dates import working_days
from clinic.errors import Conflict
from clinic.waitlist import repository as waitlist

MOST_OFFERS = 3
ESCALATE_AFTER = 20
MOST_URGENT = 5


def join(db, waiting):
    """Put a patient on the list, once for each specialty."""
    for each in waitlist.of_patient(db, waiting['patient_id']):
        if each['specialty'] == waiting['specialty'] and not each['closed']:
            raise Conflict("this patient waits already")
    return waitlist.insert(db, dict(waiting, offers=0, closed=False))


def urgency_on(waiting, day):
    """Return how urgent it has become: one step more for every twenty working days."""
    waited = working_days(waiting['since'], day)
    return min(MOST_URGENT, waiting['urgency'] + waited // ESCALATE_AFTER)


def next_in_line(db, specialty, day):
    """Return who is offered a visit on a day: the most urgent, and of those who has waited longest."""
    candidates = [
        each
        for each in waitlist.of_specialty(db, specialty)
        if not each['closed'] and each['earliest'] <= day and each['offers'] < MOST_OFFERS
    ]
    return min(candidates, key=lambda each: (-urgency_on(each, day), each['since'], each['id']), default=None)


def decline(db, waiting_id):
    """Count an offer that was not taken; after the third the entry is closed."""
    waiting = waitlist.get(db, waiting_id)
    if waiting['closed']:
        raise Conflict("this entry is closed")
    offers = waiting['offers'] + 1
    return waitlist.update(db, dict(waiting, offers=offers, closed=offers >= MOST_OFFERS))


def accept(db, waiting_id):
    """Close an entry whose patient has got a visit."""
    waiting = waitlist.get(db, waiting_id)
    if waiting['closed']:
        raise Conflict("this entry is closed")
    return waitlist.update(db, dict(waiting, closed=True))


def postpone(db, waiting_id, earliest):
    """Take down that a patient has no time before a day; the place on the list stays."""
    waiting = waitlist.get(db, waiting_id)
    return waitlist.update(db, dict(waiting, earliest=max(earliest, waiting['earliest'])))
