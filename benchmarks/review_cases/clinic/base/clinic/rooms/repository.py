"""Rooms in the database."""

from clinic.errors import Invalid, NotFound, StaleWrite


def validate(room):
    """Raise Invalid for what is no room."""
    if room['seats'] < 1:
        raise Invalid("a room has a seat")


def get(db, room_id):
    """Return a room. Raises NotFound."""
    row = db.one("SELECT * FROM rooms WHERE id = ?", (room_id,))
    if row is None:
        raise NotFound("room", room_id)
    return row


def of_floor(db, floor):
    """Return the rooms of one floor."""
    rows = db.all(
        "SELECT * FROM rooms WHERE floor = ? ORDER BY name, id",
        (floor,),
    )
    return list(rows)


def page(db, after=0, limit=50):
    """Return the next rooms in the order in which they were stored."""
    rows = db.all(
        "SELECT * FROM rooms WHERE id > ? ORDER BY id LIMIT ?",
        (after, limit),
    )
    return list(rows)


def insert(db, room):
    """Store a new room and return it with its id."""
    validate(room)
    room_id = db.insert(
        "INSERT INTO rooms (version, name, floor, equipment, seats, closed_until) VALUES (1, ?, ?, ?, ?, ?)",
        (
            room['name'],
            room['floor'],
            room['equipment'],
            room['seats'],
            room['closed_until'],
        ),
    )
    return dict(room, id=room_id, version=1)


def update(db, room):
    """Write a room back. Raises StaleWrite when somebody else has done so since it was read."""
    validate(room)
    changed = db.execute(
        "UPDATE rooms SET version = version + 1, name = ?, floor = ?, equipment = ?, seats = ?, "
        "closed_until = ? "
        "WHERE id = ? AND version = ?",
        (
            room['name'],
            room['floor'],
            room['equipment'],
            room['seats'],
            room['closed_until'],
            room['id'],
            room['version'],
        ),
    )
    if changed != 1:
        raise StaleWrite("room", room['id'])
    return dict(room, version=room['version'] + 1)
