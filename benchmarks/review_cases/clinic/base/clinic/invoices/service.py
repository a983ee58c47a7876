"""Invoices: what a visit costs, and who pays which part."""

from datetime import timedelta

from clinic.appointments import repository as appointments
from clinic.errors import Conflict, NotFound
from clinic.insurers import service as insurance
from clinic.invoices import repository as invoices
from clinic.patients import repository as patients

DAYS_TO_PAY = timedelta(days=30)


def write(db, appointment_id, total_cents, today):
    """Write the invoice of a visit that is done; there is one for each."""
    appointment = appointments.get(db, appointment_id)
    if appointment['state'] != "done":
        raise Conflict(f"a visit that is {appointment['state']} costs nothing")
    if any(each['state'] != "void" for each in invoices.of_appointment(db, appointment_id)):
        raise Conflict("this visit has its invoice")
    day = appointment['start'].date()
    invoice = dict(
        id=0,
        version=0,
        patient_id=appointment['patient_id'],
        appointment_id=appointment_id,
        issued=today,
        due=today + DAYS_TO_PAY,
        total_cents=total_cents,
        insurer_cents=insurer_part(db, appointment['patient_id'], total_cents, day),
        paid_cents=0,
        state="open",
    )
    return invoices.insert(db, invoice)


def insurer_part(db, patient_id, total_cents, day):
    """Return what the insurer pays for a visit on a day, in cents, rounded down."""
    patient = patients.get(db, patient_id)
    if patient['insurer_id'] is None:
        return 0
    try:
        insurer = insurance.contract_on(db, patient['insurer_id'], day)
    except NotFound:
        return 0
    return insurance.share(insurer, total_cents)


def open_cents(invoice):
    """Return what the patient has still to pay."""
    return invoice['total_cents'] - invoice['insurer_cents'] - invoice['paid_cents']


def add_payment(db, invoice_id, amount_cents):
    """Count a payment, or a refund if it is negative; what is paid in full is closed."""
    invoice = invoices.get(db, invoice_id)
    if invoice['state'] == "void":
        raise Conflict("a void invoice takes no payment")
    paid = dict(invoice, paid_cents=invoice['paid_cents'] + amount_cents)
    if open_cents(paid) < 0:
        raise Conflict("that is more than there is to pay")
    state = "paid" if open_cents(paid) == 0 else "open"
    return invoices.update(db, dict(paid, state=state))


def overdue(db, patient_id, today):
    """Return what a patient should have paid by now; on the due day there is still time."""
    return [each for each in invoices.of_patient(db, patient_id) if each['state'] == "open" and each['due'] < today]


def void(db, invoice_id):
    """Take an invoice back of which nothing was paid."""
    invoice = invoices.get(db, invoice_id)
    if invoice['paid_cents'] != 0:
        raise Conflict("refund what was paid first")
    return invoices.update(db, dict(invoice, state="void"))
