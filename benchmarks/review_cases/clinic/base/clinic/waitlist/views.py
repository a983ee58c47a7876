"""Waitlist as JSON: for the desk, and for the patient's portal."""


def to_json(waiting):
    """Return everything, as the desk sees it."""
    return {
        "id": waiting['id'],
        "version": waiting['version'],
        "patient_id": waiting['patient_id'],
        "specialty": waiting['specialty'],
        "since": waiting['since'].isoformat(),
        "earliest": waiting['earliest'].isoformat(),
        "urgency": waiting['urgency'],
        "offers": waiting['offers'],
        "closed": waiting['closed'],
    }


def to_portal(waiting):
    """Return what the patient may see."""
    return {
        "id": waiting['id'],
        "patient_id": waiting['patient_id'],
        "specialty": waiting['specialty'],
        "since": waiting['since'].isoformat(),
        "earliest": waiting['earliest'].isoformat(),
        "urgency": waiting['urgency'],
        "offers": waiting['offers'],
        "closed": waiting['closed'],
    }


def listing(waitlist):
    """Return a page, and where the next one begins."""
    last = waitlist[-1] if waitlist else None
    return {
        "items": [to_json(each) for each in waitlist],
        "after": last['id'] if last is not None else None,
    }
