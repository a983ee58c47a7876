"""Prescriptions as JSON: for the desk, and for the patient's portal."""


def to_json(prescription):
    """Return everything, as the desk sees it."""
    return {
        "id": prescription['id'],
        "version": prescription['version'],
        "patient_id": prescription['patient_id'],
        "practitioner_id": prescription['practitioner_id'],
        "drug": prescription['drug'],
        "dose_mg": prescription['dose_mg'],
        "times_a_day": prescription['times_a_day'],
        "days": prescription['days'],
        "repeats_left": prescription['repeats_left'],
        "issued": prescription['issued'].isoformat(),
    }


def to_portal(prescription):
    """Return what the patient may see."""
    return {
        "id": prescription['id'],
        "patient_id": prescription['patient_id'],
        "practitioner_id": prescription['practitioner_id'],
        "drug": prescription['drug'],
        "dose_mg": prescription['dose_mg'],
        "times_a_day": prescription['times_a_day'],
        "days": prescription['days'],
        "repeats_left": prescription['repeats_left'],
        "issued": prescription['issued'].isoformat(),
    }


def listing(prescriptions):
    """Return a page, and where the next one begins."""
    last = prescriptions[-1] if prescriptions else None
    return {
        "items": [to_json(each) for each in prescriptions],
        "after": last['id'] if last is not None else None,
    }
