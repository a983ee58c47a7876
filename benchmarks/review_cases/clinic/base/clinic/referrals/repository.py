"""Referrals in the database."""

from clinic.errors import Invalid, NotFound, StaleWrite


def validate(referral):
    """Raise Invalid for what is no referral."""
    if referral['valid_until'] < referral['issued']:
        raise Invalid("a referral ends after it begins")
    if referral['visits_used'] > referral['visits_allowed']:
        raise Invalid("no more visits than were allowed")


def get(db, referral_id):
    """Return a referral. Raises NotFound."""
    row = db.one("SELECT * FROM referrals WHERE id = ?", (referral_id,))
    if row is None:
        raise NotFound("referral", referral_id)
    return row


def of_patient(db, patient_id):
    """Return the referrals of one patient."""
    rows = db.all(
        "SELECT * FROM referrals WHERE patient_id = ? ORDER BY issued, id",
        (patient_id,),
    )
    return list(rows)


def page(db, after=0, limit=50):
    """Return the next referrals in the order in which they were stored."""
    rows = db.all(
        "SELECT * FROM referrals WHERE id > ? ORDER BY id LIMIT ?",
        (after, limit),
    )
    return list(rows)


def insert(db, referral):
    """Store a new referral and return it with its id."""
    validate(referral)
    referral_id = db.insert(
        "INSERT INTO referrals (version, patient_id, from_name, specialty, issued, valid_until, "
        "visits_allowed, visits_used) "
        "VALUES (1, ?, ?, ?, ?, ?, ?, ?)",
        (
            referral['patient_id'],
            referral['from_name'],
            referral['specialty'],
            referral['issued'],
            referral['valid_until'],
            referral['visits_allowed'],
            referral['visits_used'],
        ),
    )
    return dict(referral, id=referral_id, version=1)


def update(db, referral):
    """Write a referral back. Raises StaleWrite when somebody else has done so since it was read."""
    validate(referral)
    changed = db.execute(
        "UPDATE referrals SET version = version + 1, patient_id = ?, from_name = ?, specialty = ?, "
        "issued = ?, valid_until = ?, visits_allowed = ?, visits_used = ? "
        "WHERE id = ? AND version = ?",
        (
            referral['patient_id'],
            referral['from_name'],
            referral['specialty'],
            referral['issued'],
            referral['valid_until'],
            referral['visits_allowed'],
            referral['visits_used'],
            referral['id'],
            referral['version'],
        ),
    )
    if changed != 1:
        raise StaleWrite("referral", referral['id'])
    return dict(referral, version=referral['version'] + 1)
