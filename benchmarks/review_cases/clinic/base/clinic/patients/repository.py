"""Patients in the database."""

from clinic.errors import Invalid, NotFound, StaleWrite


def validate(patient):
    """Raise Invalid for what is no patient."""
    if not patient['name'].strip():
        raise Invalid("a patient has a name")
    if patient['email'] and "@" not in patient['email']:
        raise Invalid("an e-mail address has an @")


def get(db, patient_id):
    """Return a patient. Raises NotFound."""
    row = db.one("SELECT * FROM patients WHERE id = ?", (patient_id,))
    if row is None:
        raise NotFound("patient", patient_id)
    return row


def of_insurer(db, insurer_id):
    """Return the patients of one insurer."""
    rows = db.all(
        "SELECT * FROM patients WHERE insurer_id = ? ORDER BY name, id",
        (insurer_id,),
    )
    return list(rows)


def of_email(db, email):
    """Return the patients of one email."""
    rows = db.all(
        "SELECT * FROM patients WHERE email = ? ORDER BY id",
        (email,),
    )
    return list(rows)


def page(db, after=0, limit=50):
    """Return the next patients in the order in which they were stored."""
    rows = db.all(
        "SELECT * FROM patients WHERE id > ? ORDER BY id LIMIT ?",
        (after, limit),
    )
    return list(rows)


def insert(db, patient):
    """Store a new patient and return it with its id."""
    validate(patient)
    patient_id = db.insert(
        "INSERT INTO patients (version, name, born, insurer_id, member_number, email, phone, notes, "
        "blocked) "
        "VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            patient['name'],
            patient['born'],
            patient['insurer_id'],
            patient['member_number'],
            patient['email'],
            patient['phone'],
            patient['notes'],
            patient['blocked'],
        ),
    )
    return dict(patient, id=patient_id, version=1)


def update(db, patient):
    """Write a patient back. Raises StaleWrite when somebody else has done so since it was read."""
    validate(patient)
    changed = db.execute(
        "UPDATE patients SET version = version + 1, name = ?, born = ?, insurer_id = ?, member_number "
        "= ?, email = ?, phone = ?, notes = ?, blocked = ? "
        "WHERE id = ? AND version = ?",
        (
            patient['name'],
            patient['born'],
            patient['insurer_id'],
            patient['member_number'],
            patient['email'],
            patient['phone'],
            patient['notes'],
            patient['blocked'],
            patient['id'],
            patient['version'],
        ),
    )
    if changed != 1:
        raise StaleWrite("patient", patient['id'])
    return dict(patient, version=patient['version'] + 1)
