"""Prescriptions in the database."""

from clinic.errors import Invalid, NotFound, StaleWrite


def validate(prescription):
    """Raise Invalid for what is no prescription."""
    if prescription['dose_mg'] <= 0:
        raise Invalid("a dose is more than nothing")
    if prescription['repeats_left'] < 0:
        raise Invalid("repeats don't run below zero")


def get(db, prescription_id):
    """Return a prescription. Raises NotFound."""
    row = db.one("SELECT * FROM prescriptions WHERE id = ?", (prescription_id,))
    if row is None:
        raise NotFound("prescription", prescription_id)
    return row


def of_patient(db, patient_id):
    """Return the prescriptions of one patient."""
    rows = db.all(
        "SELECT * FROM prescriptions WHERE patient_id = ? ORDER BY issued, id",
        (patient_id,),
    )
    return list(rows)


def of_practitioner(db, practitioner_id):
    """Return the prescriptions of one practitioner."""
    rows = db.all(
        "SELECT * FROM prescriptions WHERE practitioner_id = ? ORDER BY issued, id",
        (practitioner_id,),
    )
    return list(rows)


def page(db, after=0, limit=50):
    """Return the next prescriptions in the order in which they were stored."""
    rows = db.all(
        "SELECT * FROM prescriptions WHERE id > ? ORDER BY id LIMIT ?",
        (after, limit),
    )
    return list(rows)


def insert(db, prescription):
    """Store a new prescription and return it with its id."""
    validate(prescription)
    prescription_id = db.insert(
        "INSERT INTO prescriptions (version, patient_id, practitioner_id, drug, dose_mg, times_a_day, "
        "days, repeats_left, issued) "
        "VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            prescription['patient_id'],
            prescription['practitioner_id'],
            prescription['drug'],
            prescription['dose_mg'],
            prescription['times_a_day'],
            prescription['days'],
            prescription['repeats_left'],
            prescription['issued'],
        ),
    )
    return dict(prescription, id=prescription_id, version=1)


def update(db, prescription):
    """Write a prescription back. Raises StaleWrite when somebody else has done so since it was read."""
    validate(prescription)
    changed = db.execute(
        "UPDATE prescriptions SET version = version + 1, patient_id = ?, practitioner_id = ?, drug = "
        "?, dose_mg = ?, times_a_day = ?, days = ?, repeats_left = ?, issued = ? "
        "WHERE id = ? AND version = ?",
        (
            prescription['patient_id'],
            prescription['practitioner_id'],
            prescription['drug'],
            prescription['dose_mg'],
            prescription['times_a_day'],
            prescription['days'],
            prescription['repeats_left'],
            prescription['issued'],
            prescription['id'],
            prescription['version'],
        ),
    )
    if changed != 1:
        raise StaleWrite("prescription", prescription['id'])
    return dict(prescription, version=prescription['version'] + 1)
