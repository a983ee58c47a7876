"""Rooms as JSON: for the desk, and for the patient's portal."""


def to_json(room):
    """Return everything, as the desk sees it."""
    return {
        "id": room['id'],
        "version": room['version'],
        "name": room['name'],
        "floor": room['floor'],
        "equipment": room['equipment'],
        "seats": room['seats'],
        "closed_until": room['closed_until'].isoformat() if room['closed_until'] is not None else None,
    }


def to_portal(room):
    """Return what the patient may see."""
    return {
        "id": room['id'],
        "name": room['name'],
        "floor": room['floor'],
        "equipment": room['equipment'],
        "seats": room['seats'],
        "closed_until": room['closed_until'].isoformat() if room['closed_until'] is not None else None,
    }


def listing(rooms):
    """Return a page, and where the next one begins."""
    last = rooms[-1] if rooms else None
    return {
        "items": [to_json(each) for each in rooms],
        "after": last['id'] if last is not None else None,
    }
