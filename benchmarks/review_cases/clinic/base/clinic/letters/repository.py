"""Letters in the database."""

from clinic.errors import Invalid, NotFound, StaleWrite


def validate(letter):
    """Raise Invalid for what is no letter."""
    if letter['channel'] not in ('post', 'mail', 'portal'):
        raise Invalid("a letter goes by post, mail or portal")


def get(db, letter_id):
    """Return a letter. Raises NotFound."""
    row = db.one("SELECT * FROM letters WHERE id = ?", (letter_id,))
    if row is None:
        raise NotFound("letter", letter_id)
    return row


def of_patient(db, patient_id):
    """Return the letters of one patient."""
    rows = db.all(
        "SELECT * FROM letters WHERE patient_id = ? ORDER BY id",
        (patient_id,),
    )
    return list(rows)


def of_template(db, template):
    """Return the letters of one template."""
    rows = db.all(
        "SELECT * FROM letters WHERE template = ? ORDER BY id",
        (template,),
    )
    return list(rows)


def page(db, after=0, limit=50):
    """Return the next letters in the order in which they were stored."""
    rows = db.all(
        "SELECT * FROM letters WHERE id > ? ORDER BY id LIMIT ?",
        (after, limit),
    )
    return list(rows)


def insert(db, letter):
    """Store a new letter and return it with its id."""
    validate(letter)
    letter_id = db.insert(
        "INSERT INTO letters (version, patient_id, template, subject, body, sent, channel) "
        "VALUES (1, ?, ?, ?, ?, ?, ?)",
        (
            letter['patient_id'],
            letter['template'],
            letter['subject'],
            letter['body'],
            letter['sent'],
            letter['channel'],
        ),
    )
    return dict(letter, id=letter_id, version=1)


def update(db, letter):
    """Write a letter back. Raises StaleWrite when somebody else has done so since it was read."""
    validate(letter)
    changed = db.execute(
        "UPDATE letters SET version = version + 1, patient_id = ?, template = ?, subject = ?, body = "
        "?, sent = ?, channel = ? "
        "WHERE id = ? AND version = ?",
        (
            letter['patient_id'],
            letter['template'],
            letter['subject'],
            letter['body'],
            letter['sent'],
            letter['channel'],
            letter['id'],
            letter['version'],
        ),
    )
    if changed != 1:
        raise StaleWrite("letter", letter['id'])
    return dict(letter, version=letter['version'] + 1)
