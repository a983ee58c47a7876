"""Insurers in the database."""

from clinic.errors import Invalid, NotFound, StaleWrite


def validate(insurer):
    """Raise Invalid for what is no insurer."""
    if not 0 <= insurer['share_percent'] <= 100:
        raise Invalid("a share is a percentage")


def get(db, insurer_id):
    """Return an insurer. Raises NotFound."""
    row = db.one("SELECT * FROM insurers WHERE id = ?", (insurer_id,))
    if row is None:
        raise NotFound("insurer", insurer_id)
    return row


def of_name(db, name):
    """Return the insurers of one name."""
    rows = db.all(
        "SELECT * FROM insurers WHERE name = ? ORDER BY id",
        (name,),
    )
    return list(rows)


def page(db, after=0, limit=50):
    """Return the next insurers in the order in which they were stored."""
    rows = db.all(
        "SELECT * FROM insurers WHERE id > ? ORDER BY id LIMIT ?",
        (after, limit),
    )
    return list(rows)


def insert(db, insurer):
    """Store a new insurer and return it with its id."""
    validate(insurer)
    insurer_id = db.insert(
        "INSERT INTO insurers (version, name, share_percent, cap_cents, contract_from, "
        "contract_until, portal_key) "
        "VALUES (1, ?, ?, ?, ?, ?, ?)",
        (
            insurer['name'],
            insurer['share_percent'],
            insurer['cap_cents'],
            insurer['contract_from'],
            insurer['contract_until'],
            insurer['portal_key'],
        ),
    )
    return dict(insurer, id=insurer_id, version=1)


def update(db, insurer):
    """Write an insurer back. Raises StaleWrite when somebody else has done so since it was read."""
    validate(insurer)
    changed = db.execute(
        "UPDATE insurers SET version = version + 1, name = ?, share_percent = ?, cap_cents = ?, "
        "contract_from = ?, contract_until = ?, portal_key = ? "
        "WHERE id = ? AND version = ?",
        (
            insurer['name'],
            insurer['share_percent'],
            insurer['cap_cents'],
            insurer['contract_from'],
            insurer['contract_until'],
            insurer['portal_key'],
            insurer['id'],
            insurer['version'],
        ),
    )
    if changed != 1:
        raise StaleWrite("insurer", insurer['id'])
    return dict(insurer, version=insurer['version'] + 1)
