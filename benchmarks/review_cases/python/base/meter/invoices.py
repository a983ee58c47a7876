"""The life of an invoice: draft, open, and then paid or void."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal

from meter.models import Invoice, Payment, Status, Subscription
from meter.money import rounded, shown
from meter.periods import Period
from meter.pricing import usage_lines
from meter.models import Line


class InvoiceError(Exception):
    """Something that can't be done to an invoice as it is."""


class InvoiceService:
    def __init__(self, next_number: Callable[[], str], notify: Callable[[str, Invoice], None]) -> None:
        self._next_number = next_number
        self._notify = notify

    def draft(self, subscription: Subscription, period: Period, usage: dict[str, int]) -> Invoice:
        """Write an invoice for one period; nobody is told yet."""
        plan = subscription.plan
        invoice = Invoice(number="", customer=subscription.customer, currency=plan.currency)
        if plan.base_fee:
            text = f"{plan.name}, {period.start:%d %b %Y} to {period.end:%d %b %Y}"
            invoice.lines.append(Line(text, 1, rounded(plan.base_fee, plan.currency)))
        invoice.lines += usage_lines(plan, usage)
        return invoice

    def finalise(self, invoice: Invoice, today: date) -> None:
        """Give a draft its number and send it."""
        if invoice.status is not Status.DRAFT:
            raise InvoiceError(f"invoice {invoice.number or '(draft)'} is {invoice.status.value}, not a draft")
        if not invoice.lines:
            raise InvoiceError("an invoice without lines can't be sent")
        invoice.number = self._next_number()
        invoice.issued = today
        invoice.status = Status.OPEN
        self._notify("invoice.opened", invoice)

    def pay(self, invoice: Invoice, reference: str, amount: Decimal, at: datetime) -> None:
        """Book a payment; the last one closes the invoice. The same reference is booked once."""
        if any(payment.reference == reference for payment in invoice.payments):
            return
        if invoice.status is not Status.OPEN:
            raise InvoiceError(f"invoice {invoice.number} is {invoice.status.value}, so it takes no payment")
        if amount <= 0:
            raise InvoiceError("a payment is more than nothing")
        if amount > invoice.due:
            raise InvoiceError(f"{shown(invoice.due, invoice.currency)} is due, less than what was paid")
        invoice.payments.append(Payment(reference, amount, at))
        if invoice.due == 0:
            invoice.status = Status.PAID
            self._notify("invoice.paid", invoice)

    def void(self, invoice: Invoice) -> None:
        """Take an invoice back. What has been paid in part has to be refunded first."""
        if invoice.status not in (Status.DRAFT, Status.OPEN):
            raise InvoiceError(f"invoice {invoice.number} is {invoice.status.value}, so it can't be voided")
        if invoice.payments:
            raise InvoiceError(f"invoice {invoice.number} has payments; refund them first")
        was_open = invoice.status is Status.OPEN
        invoice.status = Status.VOID
        if was_open:
            self._notify("invoice.voided", invoice)
