"""Letters as JSON: for the desk, and for the patient's portal."""


def to_json(letter):
    """Return everything, as the desk sees it."""
    return {
        "id": letter['id'],
        "version": letter['version'],
        "patient_id": letter['patient_id'],
        "template": letter['template'],
        "subject": letter['subject'],
        "body": letter['body'],
        "sent": letter['sent'].isoformat() if letter['sent'] is not None else None,
        "channel": letter['channel'],
    }


def to_portal(letter):
    """Return what the patient may see."""
    return {
        "id": letter['id'],
        "patient_id": letter['patient_id'],
        "template": letter['template'],
        "subject": letter['subject'],
        "body": letter['body'],
        "sent": letter['sent'].isoformat() if letter['sent'] is not None else None,
        "channel": letter['channel'],
    }


def listing(letters):
    """Return a page, and where the next one begins."""
    last = letters[-1] if letters else None
    return {
        "items": [to_json(each) for each in letters],
        "after": last['id'] if last is not None else None,
    }
