"""Payments in the database."""

from clinic.errors import Invalid, NotFound, StaleWrite


def validate(payment):
    """Raise Invalid for what is no payment."""
    if payment['amount_cents'] == 0:
        raise Invalid("a payment is an amount")
    if not payment['reference']:
        raise Invalid("a payment has a reference")


def get(db, payment_id):
    """Return a payment. Raises NotFound."""
    row = db.one("SELECT * FROM payments WHERE id = ?", (payment_id,))
    if row is None:
        raise NotFound("payment", payment_id)
    return row


def of_invoice(db, invoice_id):
    """Return the payments of one invoice."""
    rows = db.all(
        "SELECT * FROM payments WHERE invoice_id = ? ORDER BY received, id",
        (invoice_id,),
    )
    return list(rows)


def of_reference(db, reference):
    """Return the payments of one reference."""
    rows = db.all(
        "SELECT * FROM payments WHERE reference = ? ORDER BY id",
        (reference,),
    )
    return list(rows)


def page(db, after=0, limit=50):
    """Return the next payments in the order in which they were stored."""
    rows = db.all(
        "SELECT * FROM payments WHERE id > ? ORDER BY id LIMIT ?",
        (after, limit),
    )
    return list(rows)


def insert(db, payment):
    """Store a new payment and return it with its id."""
    validate(payment)
    payment_id = db.insert(
        "INSERT INTO payments (version, invoice_id, reference, amount_cents, received, method, "
        "card_token) "
        "VALUES (1, ?, ?, ?, ?, ?, ?)",
        (
            payment['invoice_id'],
            payment['reference'],
            payment['amount_cents'],
            payment['received'],
            payment['method'],
            payment['card_token'],
        ),
    )
    return dict(payment, id=payment_id, version=1)


def update(db, payment):
    """Write a payment back. Raises StaleWrite when somebody else has done so since it was read."""
    validate(payment)
    changed = db.execute(
        "UPDATE payments SET version = version + 1, invoice_id = ?, reference = ?, amount_cents = ?, "
        "received = ?, method = ?, card_token = ? "
        "WHERE id = ? AND version = ?",
        (
            payment['invoice_id'],
            payment['reference'],
            payment['amount_cents'],
            payment['received'],
            payment['method'],
            payment['card_token'],
            payment['id'],
            payment['version'],
        ),
    )
    if changed != 1:
        raise StaleWrite("payment", payment['id'])
    return dict(payment, version=payment['version'] + 1)
