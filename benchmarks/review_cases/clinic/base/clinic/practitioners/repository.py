"""Practitioners in the database."""

from clinic.errors import Invalid, NotFound, StaleWrite


def validate(practitioner):
    """Raise Invalid for what is no practitioner."""
    if not practitioner['licence']:
        raise Invalid("a practitioner has a licence")
    if practitioner['minutes_per_visit'] < 5:
        raise Invalid("a visit takes five minutes or more")


def get(db, practitioner_id):
    """Return a practitioner. Raises NotFound."""
    row = db.one("SELECT * FROM practitioners WHERE id = ?", (practitioner_id,))
    if row is None:
        raise NotFound("practitioner", practitioner_id)
    return row


def of_specialty(db, specialty):
    """Return the practitioners of one specialty."""
    rows = db.all(
        "SELECT * FROM practitioners WHERE specialty = ? ORDER BY name, id",
        (specialty,),
    )
    return list(rows)


def page(db, after=0, limit=50):
    """Return the next practitioners in the order in which they were stored."""
    rows = db.all(
        "SELECT * FROM practitioners WHERE id > ? ORDER BY id LIMIT ?",
        (after, limit),
    )
    return list(rows)


def insert(db, practitioner):
    """Store a new practitioner and return it with its id."""
    validate(practitioner)
    practitioner_id = db.insert(
        "INSERT INTO practitioners (version, name, specialty, licence, licensed_until, "
        "minutes_per_visit, accepts_new) "
        "VALUES (1, ?, ?, ?, ?, ?, ?)",
        (
            practitioner['name'],
            practitioner['specialty'],
            practitioner['licence'],
            practitioner['licensed_until'],
            practitioner['minutes_per_visit'],
            practitioner['accepts_new'],
        ),
    )
    return dict(practitioner, id=practitioner_id, version=1)


def update(db, practitioner):
    """Write a practitioner back. Raises StaleWrite when somebody else has done so since it was read."""
    validate(practitioner)
    changed = db.execute(
        "UPDATE practitioners SET version = version + 1, name = ?, specialty = ?, licence = ?, "
        "licensed_until = ?, minutes_per_visit = ?, accepts_new = ? "
        "WHERE id = ? AND version = ?",
        (
            practitioner['name'],
            practitioner['specialty'],
            practitioner['licence'],
            practitioner['licensed_until'],
            practitioner['minutes_per_visit'],
            practitioner['accepts_new'],
            practitioner['id'],
            practitioner['version'],
        ),
    )
    if changed != 1:
        raise StaleWrite("practitioner", practitioner['id'])
    return dict(practitioner, version=practitioner['version'] + 1)
