"""Insurers as JSON: for the desk, and for the patient's portal."""


def to_json(insurer):
    """Return everything, as the desk sees it."""
    return {
        "id": insurer['id'],
        "version": insurer['version'],
        "name": insurer['name'],
        "share_percent": insurer['share_percent'],
        "cap_cents": insurer['cap_cents'],
        "contract_from": insurer['contract_from'].isoformat(),
        "contract_until": insurer['contract_until'].isoformat() if insurer['contract_until'] is not None else None,
        "portal_key": insurer['portal_key'],
    }


def to_portal(insurer):
    """Return what the patient may see."""
    return {
        "id": insurer['id'],
        "name": insurer['name'],
        "share_percent": insurer['share_percent'],
        "cap_cents": insurer['cap_cents'],
        "contract_from": insurer['contract_from'].isoformat(),
        "contract_until": insurer['contract_until'].isoformat() if insurer['contract_until'] is not None else None,
    }


def listing(insurers):
    """Return a page, and where the next one begins."""
    last = insurers[-1] if insurers else None
    return {
        "items": [to_json(each) for each in insurers],
        "after": last['id'] if last is not None else None,
    }
