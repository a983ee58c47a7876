"""One function for each bug, in the order of the labels."""

import os
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime

from clinic.appointments import service as visits
from clinic.appointments.record import Appointment
from clinic.db import Database
from clinic.errors import Conflict, StaleWrite
from clinic.insurers import repository as insurers
from clinic.insurers.record import Insurer
from clinic.invoices import repository as invoices
from clinic.invoices import service as billing
from clinic.invoices.record import Invoice
from clinic.lab_orders import repository as lab_orders
from clinic.lab_orders.record import LabOrder
from clinic.letters import service as letters
from clinic.patients import repository as patients
from clinic.patients.record import Patient
from clinic.payments import service as payments
from clinic.payments.record import Payment
from clinic.payments.views import to_portal
from clinic.practitioners import repository as practitioners
from clinic.practitioners.record import Practitioner
from clinic.prescriptions import repository as prescriptions
from clinic.prescriptions.record import Prescription
from clinic.referrals import service as referrals
from clinic.referrals.record import Referral

DAY = date(2026, 3, 2)
PATIENT = Patient(0, 0, "Ada", date(1980, 5, 17), None, "", "ada@example.com", "", "", False)
PAYMENT = Payment(0, 0, 1, "R-1", 4_500, DAY, "card", "tok_1")


def stale_prescription():
    db = Database()
    read = prescriptions.insert(db, Prescription(0, 0, 1, 1, "ibuprofen", 400, 2, 10, 3, DAY))
    prescriptions.update(db, replace(read, repeats_left=2))
    try:
        prescriptions.update(db, replace(read, days=20))
    except StaleWrite:
        return
    raise AssertionError("a change of somebody else is lost")


def collected_is_not_resulted():
    db = Database()
    ordered = datetime(2026, 3, 2, 9)
    stored = lab_orders.insert(db, LabOrder(0, 0, 1, 1, "lipids", ordered, datetime(2026, 3, 2, 10), None, "", False))
    assert lab_orders.get(db, stored.id).resulted is None


def adults_are_addressed_themselves():
    db = Database()
    stored = patients.insert(db, PATIENT)
    assert letters.greeting(db, stored.id, DAY) == "Dear Ada"


def no_contract_no_share():
    db = Database()
    insurer = insurers.insert(db, Insurer(0, 0, "Care", 50, None, date(2026, 1, 1), date(2026, 1, 31), "key"))
    stored = patients.insert(db, replace(PATIENT, insurer_id=insurer.id))
    assert billing.insurer_part(db, stored.id, 9_000, DAY) == 0


def tokens_stay_inside():
    assert "card_token" not in to_portal(PAYMENT)


def visits_do_not_collide():
    db = Database()
    patient = patients.insert(db, PATIENT)
    practitioner = practitioners.insert(db, Practitioner(0, 0, "Bo", "eye", "L1", date(2027, 1, 1), 20, True))
    visit = Appointment(0, 0, patient.id, practitioner.id, None, datetime(2026, 3, 2, 9), 20, "", "booked")
    own = Database.transaction

    @contextmanager
    def others_first(self):
        Database.transaction = own
        visits.book(db, visit)
        with self.transaction():
            yield

    Database.transaction = others_first
    try:
        visits.book(db, visit)
    except Conflict:
        return
    raise AssertionError("two visits at once")


def the_last_day_counts():
    assert referrals.is_valid(Referral(0, 0, 1, "Dr. Bo", "eye", date(2026, 1, 1), DAY, 6, 0), DAY)


def what_is_wrong_stops_the_import():
    db = Database()
    invoice = invoices.insert(db, Invoice(0, 0, 1, 1, DAY, DAY, 1_000, 0, 0, "open"))
    try:
        unknown = payments.import_statement(db, [replace(PAYMENT, invoice_id=invoice.id, amount_cents=9_000)])
    except Conflict:
        return
    raise AssertionError(f"sent back to the bank: {unknown}")


CHECKS = [
    stale_prescription,
    collected_is_not_resulted,
    adults_are_addressed_themselves,
    no_contract_no_share,
    tokens_stay_inside,
    visits_do_not_collide,
    the_last_day_counts,
    what_is_wrong_stops_the_import,
]
CHECKS[int(os.environ["CHECK"])]()
