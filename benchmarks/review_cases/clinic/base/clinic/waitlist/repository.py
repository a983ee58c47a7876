"""Waitlist in the database."""

from clinic.errors import Invalid, NotFound, StaleWrite


def validate(waiting):
    """Raise Invalid for what is no waiting."""
    if not 1 <= waiting['urgency'] <= 5:
        raise Invalid("an urgency is from 1 to 5")
    if waiting['offers'] < 0:
        raise Invalid("offers are counted up")


def get(db, waiting_id):
    """Return a waiting. Raises NotFound."""
    row = db.one("SELECT * FROM waitlist WHERE id = ?", (waiting_id,))
    if row is None:
        raise NotFound("waiting", waiting_id)
    return row


def of_specialty(db, specialty):
    """Return the waitlist of one specialty."""
    rows = db.all(
        "SELECT * FROM waitlist WHERE specialty = ? ORDER BY urgency DESC, since, id",
        (specialty,),
    )
    return list(rows)


def of_patient(db, patient_id):
    """Return the waitlist of one patient."""
    rows = db.all(
        "SELECT * FROM waitlist WHERE patient_id = ? ORDER BY since, id",
        (patient_id,),
    )
    return list(rows)


def page(db, after=0, limit=50):
    """Return the next waitlist in the order in which they were stored."""
    rows = db.all(
        "SELECT * FROM waitlist WHERE id > ? ORDER BY id LIMIT ?",
        (after, limit),
    )
    return list(rows)


def insert(db, waiting):
    """Store a new waiting and return it with its id."""
    validate(waiting)
    waiting_id = db.insert(
        "INSERT INTO waitlist (version, patient_id, specialty, since, earliest, urgency, offers, "
        "closed) "
        "VALUES (1, ?, ?, ?, ?, ?, ?, ?)",
        (
            waiting['patient_id'],
            waiting['specialty'],
            waiting['since'],
            waiting['earliest'],
            waiting['urgency'],
            waiting['offers'],
            waiting['closed'],
        ),
    )
    return dict(waiting, id=waiting_id, version=1)


def update(db, waiting):
    """Write a waiting back. Raises StaleWrite when somebody else has done so since it was read."""
    validate(waiting)
    changed = db.execute(
        "UPDATE waitlist SET version = version + 1, patient_id = ?, specialty = ?, since = ?, "
        "earliest = ?, urgency = ?, offers = ?, closed = ? "
        "WHERE id = ? AND version = ?",
        (
            waiting['patient_id'],
            waiting['specialty'],
            waiting['since'],
            waiting['earliest'],
            waiting['urgency'],
            waiting['offers'],
            waiting['closed'],
            waiting['id'],
            waiting['version'],
        ),
    )
    if changed != 1:
        raise StaleWrite("waiting", waiting['id'])
    return dict(waiting, version=waiting['version'] + 1)
