"""Appointments in the database."""

from clinic.errors import Invalid, NotFound, StaleWrite


def validate(appointment):
    """Raise Invalid for what is no appointment."""
    if appointment['minutes'] <= 0:
        raise Invalid("an appointment takes time")
    if appointment['state'] not in ('booked', 'arrived', 'done', 'missed', 'cancelled'):
        raise Invalid("an appointment is in a state that there is")


def get(db, appointment_id):
    """Return an appointment. Raises NotFound."""
    row = db.one("SELECT * FROM appointments WHERE id = ?", (appointment_id,))
    if row is None:
        raise NotFound("appointment", appointment_id)
    return row


def of_patient(db, patient_id):
    """Return the appointments of one patient."""
    rows = db.all(
        "SELECT * FROM appointments WHERE patient_id = ? ORDER BY start, id",
        (patient_id,),
    )
    return list(rows)


def of_practitioner(db, practitioner_id):
    """Return the appointments of one practitioner."""
    rows = db.all(
        "SELECT * FROM appointments WHERE practitioner_id = ? ORDER BY start, id",
        (practitioner_id,),
    )
    return list(rows)


def of_room(db, room_id):
    """Return the appointments of one room."""
    rows = db.all(
        "SELECT * FROM appointments WHERE room_id = ? ORDER BY start, id",
        (room_id,),
    )
    return list(rows)


def page(db, after=0, limit=50):
    """Return the next appointments in the order in which they were stored."""
    rows = db.all(
        "SELECT * FROM appointments WHERE id > ? ORDER BY id LIMIT ?",
        (after, limit),
    )
    return list(rows)


def insert(db, appointment):
    """Store a new appointment and return it with its id."""
    validate(appointment)
    appointment_id = db.insert(
        "INSERT INTO appointments (version, patient_id, practitioner_id, room_id, start, minutes, "
        "reason, state) "
        "VALUES (1, ?, ?, ?, ?, ?, ?, ?)",
        (
            appointment['patient_id'],
            appointment['practitioner_id'],
            appointment['room_id'],
            appointment['start'],
            appointment['minutes'],
            appointment['reason'],
            appointment['state'],
        ),
    )
    return dict(appointment, id=appointment_id, version=1)


def update(db, appointment):
    """Write an appointment back. Raises StaleWrite when somebody else has done so since it was read."""
    validate(appointment)
    changed = db.execute(
        "UPDATE appointments SET version = version + 1, patient_id = ?, practitioner_id = ?, room_id "
        "= ?, start = ?, minutes = ?, reason = ?, state = ? "
        "WHERE id = ? AND version = ?",
        (
            appointment['patient_id'],
            appointment['practitioner_id'],
            appointment['room_id'],
            appointment['start'],
            appointment['minutes'],
            appointment['reason'],
            appointment['state'],
            appointment['id'],
            appointment['version'],
        ),
    )
    if changed != 1:
        raise StaleWrite("appointment", appointment['id'])
    return dict(appointment, version=appointment['version'] + 1)
