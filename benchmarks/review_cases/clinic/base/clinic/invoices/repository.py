"""Invoices in the database."""

from clinic.errors import Invalid, NotFound, StaleWrite


def validate(invoice):
    """Raise Invalid for what is no invoice."""
    if invoice['insurer_cents'] > invoice['total_cents']:
        raise Invalid("an insurer pays no more than there is")
    if invoice['paid_cents'] < 0:
        raise Invalid("what was paid is no debt")


def get(db, invoice_id):
    """Return an invoice. Raises NotFound."""
    row = db.one("SELECT * FROM invoices WHERE id = ?", (invoice_id,))
    if row is None:
        raise NotFound("invoice", invoice_id)
    return row


def of_patient(db, patient_id):
    """Return the invoices of one patient."""
    rows = db.all(
        "SELECT * FROM invoices WHERE patient_id = ? ORDER BY issued, id",
        (patient_id,),
    )
    return list(rows)


def of_appointment(db, appointment_id):
    """Return the invoices of one appointment."""
    rows = db.all(
        "SELECT * FROM invoices WHERE appointment_id = ? ORDER BY id",
        (appointment_id,),
    )
    return list(rows)


def page(db, after=0, limit=50):
    """Return the next invoices in the order in which they were stored."""
    rows = db.all(
        "SELECT * FROM invoices WHERE id > ? ORDER BY id LIMIT ?",
        (after, limit),
    )
    return list(rows)


def insert(db, invoice):
    """Store a new invoice and return it with its id."""
    validate(invoice)
    invoice_id = db.insert(
        "INSERT INTO invoices (version, patient_id, appointment_id, issued, due, total_cents, "
        "insurer_cents, paid_cents, state) "
        "VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            invoice['patient_id'],
            invoice['appointment_id'],
            invoice['issued'],
            invoice['due'],
            invoice['total_cents'],
            invoice['insurer_cents'],
            invoice['paid_cents'],
            invoice['state'],
        ),
    )
    return dict(invoice, id=invoice_id, version=1)


def update(db, invoice):
    """Write an invoice back. Raises StaleWrite when somebody else has done so since it was read."""
    validate(invoice)
    changed = db.execute(
        "UPDATE invoices SET version = version + 1, patient_id = ?, appointment_id = ?, issued = ?, "
        "due = ?, total_cents = ?, insurer_cents = ?, paid_cents = ?, state = ? "
        "WHERE id = ? AND version = ?",
        (
            invoice['patient_id'],
            invoice['appointment_id'],
            invoice['issued'],
            invoice['due'],
            invoice['total_cents'],
            invoice['insurer_cents'],
            invoice['paid_cents'],
            invoice['state'],
            invoice['id'],
            invoice['version'],
        ),
    )
    if changed != 1:
        raise StaleWrite("invoice", invoice['id'])
    return dict(invoice, version=invoice['version'] + 1)
