"""Patients: who they are, and whether they may book."""

from clinic.dates import age
from clinic.errors import Conflict, Invalid, NotFound
from clinic.insurers import service as insurance
from clinic.patients import repository as patients

ADULT = 18


def register(db, patient, today):
    """Store a patient; among adults an e-mail address belongs to one of them."""
    if patient['born'] > today:
        raise Invalid("nobody is born in the future")
    adults = [each for each in patients.of_email(db, patient['email']) if age(each['born'], today) >= ADULT]
    if adults and age(patient['born'], today) >= ADULT:
        raise Conflict("an adult with this e-mail address is registered already")
    return patients.insert(db, patient)


def change_insurer(db, patient_id, insurer_id, member_number):
    """Take down who pays for a patient; None is the patient."""
    patient = patients.get(db, patient_id)
    number = member_number.strip()
    if insurer_id is not None and not number:
        raise Invalid("an insured patient has a member number")
    return patients.update(db, dict(patient, insurer_id=insurer_id, member_number=number))


def add_note(db, patient_id, text, today):
    """Put a line under a patient's notes, the latest first."""
    patient = patients.get(db, patient_id)
    line = f"{today.isoformat()}: {text.strip()}"
    notes = f"{line}\n{patient['notes']}" if patient['notes'] else line
    return patients.update(db, dict(patient, notes=notes))


def block(db, patient_id, blocked):
    """Keep a patient from booking, or no longer."""
    patient = patients.get(db, patient_id)
    if patient['blocked'] == blocked:
        return patient
    return patients.update(db, dict(patient, blocked=blocked))


def require_bookable(db, patient_id):
    """Return a patient who may book. Raises Conflict for one who may not."""
    patient = patients.get(db, patient_id)
    if patient['blocked']:
        raise Conflict(f"{patient['name']} can't book; see the notes")
    return patient


def coverage(db, patient_id, today):
    """Say in a line who pays for a patient today."""
    patient = patients.get(db, patient_id)
    if patient['insurer_id'] is None:
        return "pays in person"
    try:
        insurer = insurance.contract_on(db, patient['insurer_id'], today)
    except NotFound:
        return "pays in person: no contract with the insurer"
    return f"{insurer['name']} pays {insurer['share_percent']} %"
