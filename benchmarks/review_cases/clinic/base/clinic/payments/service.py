"""Payments: from the desk, by card, and from the bank's statement."""

from clinic.errors import Conflict, NotFound
from clinic.invoices.service import add_payment
from clinic.payments import repository as payments

_CARD = "card"


def book(db, payment):
    """Book a payment to its invoice; the same reference is booked once."""
    with db.transaction():
        known = payments.of_reference(db, payment['reference'])
        if known:
            return known[0]
        add_payment(db, payment['invoice_id'], payment['amount_cents'])
        return payments.insert(db, payment)


def import_statement(db, statement):
    """Book what the bank has received; returns the references of which no invoice is known.

    The bank is asked to send those back. Whatever else is wrong with a payment stops the import, and somebody looks at
    it; what was booked until then is not booked again.
    """
    unknown = []
    for payment in statement:
        try:
            book(db, payment)
        except NotFound:
            unknown.append(payment['reference'])
    return unknown


def refund(db, payment_id, reference, today):
    """Give a payment back, the way that it came."""
    payment = payments.get(db, payment_id)
    if payment['amount_cents'] < 0:
        raise Conflict("a refund is not given back")
    back = dict(
        payment,
        id=0,
        version=0,
        reference=reference,
        amount_cents=-payment['amount_cents'],
        received=today,
    )
    return book(db, back)


def received(db, invoice_id, until):
    """Return what was paid to an invoice up to and including a day, in cents."""
    return sum(each['amount_cents'] for each in payments.of_invoice(db, invoice_id) if each['received'] <= until)


def forget_cards(db, invoice_id):
    """Blank the card tokens of an invoice's payments; returns how many those were."""
    forgotten = 0
    for payment in payments.of_invoice(db, invoice_id):
        if payment['method'] == _CARD and payment['card_token']:
            payments.update(db, dict(payment, card_token=""))
            forgotten += 1
    return forgotten
