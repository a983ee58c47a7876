"""Lab orders in the database."""

from clinic.errors import Invalid, NotFound, StaleWrite


def validate(lab_order):
    """Raise Invalid for what is no lab order."""
    if lab_order['resulted'] is not None and lab_order['collected'] is None:
        raise Invalid("there is no result without a sample")


def get(db, lab_order_id):
    """Return a lab order. Raises NotFound."""
    row = db.one("SELECT * FROM lab_orders WHERE id = ?", (lab_order_id,))
    if row is None:
        raise NotFound("lab order", lab_order_id)
    return row


def of_patient(db, patient_id):
    """Return the lab orders of one patient."""
    rows = db.all(
        "SELECT * FROM lab_orders WHERE patient_id = ? ORDER BY ordered, id",
        (patient_id,),
    )
    return list(rows)


def of_panel(db, panel):
    """Return the lab orders of one panel."""
    rows = db.all(
        "SELECT * FROM lab_orders WHERE panel = ? ORDER BY ordered, id",
        (panel,),
    )
    return list(rows)


def page(db, after=0, limit=50):
    """Return the next lab orders in the order in which they were stored."""
    rows = db.all(
        "SELECT * FROM lab_orders WHERE id > ? ORDER BY id LIMIT ?",
        (after, limit),
    )
    return list(rows)


def insert(db, lab_order):
    """Store a new lab order and return it with its id."""
    validate(lab_order)
    lab_order_id = db.insert(
        "INSERT INTO lab_orders (version, patient_id, practitioner_id, panel, ordered, collected, "
        "resulted, result, urgent) "
        "VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            lab_order['patient_id'],
            lab_order['practitioner_id'],
            lab_order['panel'],
            lab_order['ordered'],
            lab_order['collected'],
            lab_order['resulted'],
            lab_order['result'],
            lab_order['urgent'],
        ),
    )
    return dict(lab_order, id=lab_order_id, version=1)


def update(db, lab_order):
    """Write a lab order back. Raises StaleWrite when somebody else has done so since it was read."""
    validate(lab_order)
    changed = db.execute(
        "UPDATE lab_orders SET version = version + 1, patient_id = ?, practitioner_id = ?, panel = ?, "
        "ordered = ?, collected = ?, resulted = ?, result = ?, urgent = ? "
        "WHERE id = ? AND version = ?",
        (
            lab_order['patient_id'],
            lab_order['practitioner_id'],
            lab_order['panel'],
            lab_order['ordered'],
            lab_order['collected'],
            lab_order['resulted'],
            lab_order['result'],
            lab_order['urgent'],
            lab_order['id'],
            lab_order['version'],
        ),
    )
    if changed != 1:
        raise StaleWrite("lab order", lab_order['id'])
    return dict(lab_order, version=lab_order['version'] + 1)
