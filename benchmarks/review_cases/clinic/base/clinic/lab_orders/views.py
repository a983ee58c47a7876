"""Lab orders as JSON: for the desk, and for the patient's portal."""


def to_json(lab_order):
    """Return everything, as the desk sees it."""
    return {
        "id": lab_order['id'],
        "version": lab_order['version'],
        "patient_id": lab_order['patient_id'],
        "practitioner_id": lab_order['practitioner_id'],
        "panel": lab_order['panel'],
        "ordered": lab_order['ordered'].isoformat(),
        "collected": lab_order['collected'].isoformat() if lab_order['collected'] is not None else None,
        "resulted": lab_order['resulted'].isoformat() if lab_order['resulted'] is not None else None,
        "result": lab_order['result'],
        "urgent": lab_order['urgent'],
    }


def to_portal(lab_order):
    """Return what the patient may see."""
    return {
        "id": lab_order['id'],
        "patient_id": lab_order['patient_id'],
        "practitioner_id": lab_order['practitioner_id'],
        "panel": lab_order['panel'],
        "ordered": lab_order['ordered'].isoformat(),
        "collected": lab_order['collected'].isoformat() if lab_order['collected'] is not None else None,
        "resulted": lab_order['resulted'].isoformat() if lab_order['resulted'] is not None else None,
        "result": lab_order['result'],
        "urgent": lab_order['urgent'],
    }


def listing(lab_orders):
    """Return a page, and where the next one begins."""
    last = lab_orders[-1] if lab_orders else None
    return {
        "items": [to_json(each) for each in lab_orders],
        "after": last['id'] if last is not None else None,
    }
