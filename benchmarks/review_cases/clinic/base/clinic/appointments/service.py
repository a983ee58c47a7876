"""Appointments: booked, arrived, done; or missed, or cancelled."""

from datetime import timedelta

from clinic.appointments import repository as appointments
from clinic.dates import overlap
from clinic.errors import Conflict
from clinic.patients.service import require_bookable
from clinic.practitioners.service import require_licensed

LATE = timedelta(minutes=15)
_NEXT = {
    "booked": ("arrived", "missed", "cancelled"),
    "arrived": ("done",),
    "done": (),
    "missed": (),
    "cancelled": (),
}
_OCCUPIES = ("booked", "arrived", "done")


def book(db, appointment):
    """Book a visit, unless the patient, the practitioner or the room is taken then."""
    require_bookable(db, appointment['patient_id'])
    require_licensed(db, appointment['practitioner_id'], appointment['start'].date())
    with db.transaction():
        require_free(db, appointment)
        return appointments.insert(db, dict(appointment, state="booked"))


def reschedule(db, appointment_id, start):
    """Move a visit that has not begun."""
    with db.transaction():
        appointment = appointments.get(db, appointment_id)
        if appointment['state'] != "booked":
            raise Conflict(f"a visit that is {appointment['state']} stays where it is")
        require_licensed(db, appointment['practitioner_id'], start.date())
        moved = dict(appointment, start=start)
        require_free(db, moved)
        return appointments.update(db, moved)


def require_free(db, appointment):
    """Raise Conflict when somebody or something is taken at that time by another visit."""
    for other in around(db, appointment):
        if other['id'] == appointment['id'] or other['state'] not in _OCCUPIES:
            continue
        if overlap(appointment['start'], appointment['minutes'], other['start'], other['minutes']):
            raise Conflict(f"taken by a visit at {other['start']:%H:%M}")


def around(db, appointment):
    """Return all visits that have the patient, the practitioner or the room in common."""
    found = [
        *appointments.of_patient(db, appointment['patient_id']),
        *appointments.of_practitioner(db, appointment['practitioner_id']),
    ]
    if appointment['room_id'] is not None:
        found += appointments.of_room(db, appointment['room_id'])
    return found


def move_on(db, appointment_id, state):
    """Take down what became of a visit."""
    appointment = appointments.get(db, appointment_id)
    if state not in _NEXT[appointment['state']]:
        raise Conflict(f"a visit that is {appointment['state']} can't be {state}")
    return appointments.update(db, dict(appointment, state=state))


def sweep_missed(db, practitioner_id, now):
    """Mark the visits to which nobody came; returns how many those were."""
    missed = 0
    for appointment in appointments.of_practitioner(db, practitioner_id):
        if appointment['state'] == "booked" and appointment['start'] + LATE < now:
            move_on(db, appointment['id'], "missed")
            missed += 1
    return missed


def day_list(db, practitioner_id, day):
    """Return what a practitioner does on a day, in order."""
    return [
        each
        for each in appointments.of_practitioner(db, practitioner_id)
        if each['start'].date() == day and each['state'] in _OCCUPIES
    ]
