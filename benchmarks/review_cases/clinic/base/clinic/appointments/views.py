"""Appointments as JSON: for the desk, and for the patient's portal."""


def to_json(appointment):
    """Return everything, as the desk sees it."""
    return {
        "id": appointment['id'],
        "version": appointment['version'],
        "patient_id": appointment['patient_id'],
        "practitioner_id": appointment['practitioner_id'],
        "room_id": appointment['room_id'],
        "start": appointment['start'].isoformat(),
        "minutes": appointment['minutes'],
        "reason": appointment['reason'],
        "state": appointment['state'],
    }


def to_portal(appointment):
    """Return what the patient may see."""
    return {
        "id": appointment['id'],
        "patient_id": appointment['patient_id'],
        "practitioner_id": appointment['practitioner_id'],
        "room_id": appointment['room_id'],
        "start": appointment['start'].isoformat(),
        "minutes": appointment['minutes'],
        "reason": appointment['reason'],
        "state": appointment['state'],
    }


def listing(appointments):
    """Return a page, and where the next one begins."""
    last = appointments[-1] if appointments else None
    return {
        "items": [to_json(each) for each in appointments],
        "after": last['id'] if last is not None else None,
    }
