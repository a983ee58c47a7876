"""Referrals as JSON: for the desk, and for the patient's portal."""


def to_json(referral):
    """Return everything, as the desk sees it."""
    return {
        "id": referral['id'],
        "version": referral['version'],
        "patient_id": referral['patient_id'],
        "from_name": referral['from_name'],
        "specialty": referral['specialty'],
        "issued": referral['issued'].isoformat(),
        "valid_until": referral['valid_until'].isoformat(),
        "visits_allowed": referral['visits_allowed'],
        "visits_used": referral['visits_used'],
    }


def to_portal(referral):
    """Return what the patient may see."""
    return {
        "id": referral['id'],
        "patient_id": referral['patient_id'],
        "specialty": referral['specialty'],
        "issued": referral['issued'].isoformat(),
        "valid_until": referral['valid_until'].isoformat(),
        "visits_allowed": referral['visits_allowed'],
        "visits_used": referral['visits_used'],
    }


def listing(referrals):
    """Return a page, and where the next one begins."""
    last = referrals[-1] if referrals else None
    return {
        "items": [to_json(each) for each in referrals],
        "after": last['id'] if last is not None else None,
    }
