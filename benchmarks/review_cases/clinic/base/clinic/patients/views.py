"""Patients as JSON: for the desk, and for the patient's portal."""


def to_json(patient):
    """Return everything, as the desk sees it."""
    return {
        "id": patient['id'],
        "version": patient['version'],
        "name": patient['name'],
        "born": patient['born'].isoformat(),
        "insurer_id": patient['insurer_id'],
        "member_number": patient['member_number'],
        "email": patient['email'],
        "phone": patient['phone'],
        "notes": patient['notes'],
        "blocked": patient['blocked'],
    }


def to_portal(patient):
    """Return what the patient may see."""
    return {
        "id": patient['id'],
        "name": patient['name'],
        "born": patient['born'].isoformat(),
        "insurer_id": patient['insurer_id'],
        "member_number": patient['member_number'],
        "email": patient['email'],
        "phone": patient['phone'],
    }


def listing(patients):
    """Return a page, and where the next one begins."""
    last = patients[-1] if patients else None
    return {
        "items": [to_json(each) for each in patients],
        "after": last['id'] if last is not None else None,
    }
