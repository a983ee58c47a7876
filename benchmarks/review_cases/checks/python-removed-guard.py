from datetime import date, datetime
from decimal import Decimal

from meter.invoices import InvoiceError, InvoiceService
from meter.models import Invoice, Line, Status

service = InvoiceService(lambda: "2026-0001", lambda event, invoice: None)
invoice = Invoice("", "acme", "EUR", [Line("calls", 10, Decimal(30))])
service.finalise(invoice, date(2026, 3, 1))
service.pay(invoice, "r1", Decimal(10), datetime(2026, 3, 2))
try:
    service.void(invoice)
except InvoiceError:
    assert invoice.status is Status.OPEN
else:
    raise AssertionError("an invoice that was paid in part is void, and its payment is lost")
