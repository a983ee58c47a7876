"""Invoices as JSON: for the desk, and for the patient's portal."""


def to_json(invoice):
    """Return everything, as the desk sees it."""
    return {
        "id": invoice['id'],
        "version": invoice['version'],
        "patient_id": invoice['patient_id'],
        "appointment_id": invoice['appointment_id'],
        "issued": invoice['issued'].isoformat(),
        "due": invoice['due'].isoformat(),
        "total_cents": invoice['total_cents'],
        "insurer_cents": invoice['insurer_cents'],
        "paid_cents": invoice['paid_cents'],
        "state": invoice['state'],
    }


def to_portal(invoice):
    """Return what the patient may see."""
    return {
        "id": invoice['id'],
        "patient_id": invoice['patient_id'],
        "appointment_id": invoice['appointment_id'],
        "issued": invoice['issued'].isoformat(),
        "due": invoice['due'].isoformat(),
        "total_cents": invoice['total_cents'],
        "insurer_cents": invoice['insurer_cents'],
        "paid_cents": invoice['paid_cents'],
        "state": invoice['state'],
    }


def listing(invoices):
    """Return a page, and where the next one begins."""
    last = invoices[-1] if invoices else None
    return {
        "items": [to_json(each) for each in invoices],
        "after": last['id'] if last is not None else None,
    }
