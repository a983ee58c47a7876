"""Prescriptions: what was prescribed, and how often it may be fetched again."""

from datetime import timedelta

from clinic.dates import age
from clinic.errors import Conflict, Invalid
from clinic.patients import repository as patients
from clinic.practitioners.service import require_licensed
from clinic.prescriptions import repository as prescriptions

CHILD = 12
CHILD_DAILY_MG = 1_000
ADULT_DAILY_MG = 4_000
GOOD_FOR = timedelta(days=365)


def prescribe(db, prescription):
    """Store a prescription of a licensed practitioner, within what the patient's age allows."""
    require_licensed(db, prescription['practitioner_id'], prescription['issued'])
    patient = patients.get(db, prescription['patient_id'])
    limit = CHILD_DAILY_MG if age(patient['born'], prescription['issued']) < CHILD else ADULT_DAILY_MG
    if daily_mg(prescription) > limit:
        raise Invalid(f"at most {limit} mg a day for {patient['name']}")
    return prescriptions.insert(db, prescription)


def daily_mg(prescription):
    """Return what a patient takes in a day."""
    return prescription['dose_mg'] * prescription['times_a_day']


def repeat(db, prescription_id, today):
    """Let a patient fetch it once more. Raises Conflict when it is used up, or too old."""
    prescription = prescriptions.get(db, prescription_id)
    if prescription['repeats_left'] == 0:
        raise Conflict(f"no repeat of {prescription['drug']} is left")
    if today - prescription['issued'] > GOOD_FOR:
        raise Conflict(f"the prescription of {prescription['drug']} is more than a year old")
    left = prescription['repeats_left'] - 1
    return prescriptions.update(db, dict(prescription, repeats_left=left))


def current(db, patient_id, today):
    """Return what a patient takes today."""
    return [each for each in prescriptions.of_patient(db, patient_id) if each['issued'] <= today < ends(each)]


def ends(prescription):
    """Return the first day on which nothing of it is taken."""
    return prescription['issued'] + timedelta(days=prescription['days'])


def taken_together(db, patient_id, drug, today):
    """Return other things that a patient takes while taking a drug."""
    return [each for each in current(db, patient_id, today) if each['drug'].lower() != drug.lower()]
