"""Letters: written from templates, sent once."""

from clinic.dates import age
from clinic.errors import Conflict, Invalid
from clinic.letters import repository as letters
from clinic.patients import repository as patients

OF_AGE = 16
_TEMPLATES = {
    "reminder": ("Your visit", "{greeting}, we expect you on {day}."),
    "result": ("Your result", "{greeting}, a result has come in. Please call us."),
    "dunning": ("Your invoice", "{greeting}, an invoice of {amount} is open."),
}


def greeting(db, patient_id, today):
    """Return how a letter begins; a child's is to the parents."""
    patient = patients.get(db, patient_id)
    if age(patient['born'], today) < OF_AGE:
        return f"To the parents of {patient['name']}"
    return f"Dear {patient['name']}"


def write(db, patient_id, template, today, **values):
    """Write a letter; it is not sent yet."""
    if template not in _TEMPLATES:
        raise Invalid(f"there is no template {template!r}")
    patient = patients.get(db, patient_id)
    subject, body = _TEMPLATES[template]
    letter = dict(
        id=0,
        version=0,
        patient_id=patient_id,
        template=template,
        subject=subject,
        body=body.format(greeting=greeting(db, patient_id, today), **values),
        sent=None,
        channel="mail" if patient['email'] else "post",
    )
    return letters.insert(db, letter)


def send(db, letter_id, now):
    """Take down that a letter is out. Raises Conflict the second time."""
    letter = letters.get(db, letter_id)
    if letter['sent'] is not None:
        raise Conflict(f"the letter went out on {letter['sent']:%d %b %Y}")
    return letters.update(db, dict(letter, sent=now))


def redirect(db, letter_id, channel):
    """Send a letter another way, as long as it isn't out."""
    letter = letters.get(db, letter_id)
    if letter['sent'] is not None:
        raise Conflict("the letter is out")
    return letters.update(db, dict(letter, channel=channel))


def unsent(db, template):
    """Return how many letters of a template wait to be sent."""
    return sum(each['sent'] is None for each in letters.of_template(db, template))
