"""Rooms: which one has what a visit needs."""

from clinic.appointments import repository as appointments
from clinic.dates import overlap
from clinic.errors import Conflict
from clinic.rooms import repository as rooms

_FREE = ("cancelled", "missed")


def equipped(room, needed):
    """Tell whether a room has all that is needed."""
    there = {item.strip().lower() for item in room['equipment'].split(",")}
    return all(item.lower() in there for item in needed)


def is_open(room, day):
    """Tell whether a room can be used on a day; it opens again on the day after `closed_until`."""
    return room['closed_until'] is None or room['closed_until'] < day


def is_free(db, room, start, minutes):
    """Tell whether nobody uses a room then."""
    return not any(
        overlap(start, minutes, each['start'], each['minutes'])
        for each in appointments.of_room(db, room['id'])
        if each['state'] not in _FREE
    )


def find(db, floor, start, minutes, needed):
    """Return the smallest room of a floor that is free then and has what is needed."""
    fitting = [
        each
        for each in rooms.of_floor(db, floor)
        if is_open(each, start.date()) and equipped(each, needed) and is_free(db, each, start, minutes)
    ]
    return min(fitting, key=lambda each: each['seats'], default=None)


def close(db, room_id, until):
    """Close a room up to and including a day; a closure that is longer already stays."""
    room = rooms.get(db, room_id)
    if room['closed_until'] is not None and room['closed_until'] >= until:
        return room
    return rooms.update(db, dict(room, closed_until=until))


def reopen(db, room_id):
    """Open a room that is closed."""
    room = rooms.get(db, room_id)
    if room['closed_until'] is None:
        raise Conflict(f"room {room['name']} is open")
    return rooms.update(db, dict(room, closed_until=None))
