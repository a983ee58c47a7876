"""Practitioners as JSON: for the desk, and for the patient's portal."""


def to_json(practitioner):
    """Return everything, as the desk sees it."""
    return {
        "id": practitioner['id'],
        "version": practitioner['version'],
        "name": practitioner['name'],
        "specialty": practitioner['specialty'],
        "licence": practitioner['licence'],
        "licensed_until": practitioner['licensed_until'].isoformat(),
        "minutes_per_visit": practitioner['minutes_per_visit'],
        "accepts_new": practitioner['accepts_new'],
    }


def to_portal(practitioner):
    """Return what the patient may see."""
    return {
        "id": practitioner['id'],
        "name": practitioner['name'],
        "specialty": practitioner['specialty'],
        "licensed_until": practitioner['licensed_until'].isoformat(),
        "minutes_per_visit": practitioner['minutes_per_visit'],
        "accepts_new": practitioner['accepts_new'],
    }


def listing(practitioners):
    """Return a page, and where the next one begins."""
    last = practitioners[-1] if practitioners else None
    return {
        "items": [to_json(each) for each in practitioners],
        "after": last['id'] if last is not None else None,
    }
