"""Payments as JSON: for the desk, and for the patient's portal."""


def to_json(payment):
    """Return everything, as the desk sees it."""
    return {
        "id": payment['id'],
        "version": payment['version'],
        "invoice_id": payment['invoice_id'],
        "reference": payment['reference'],
        "amount_cents": payment['amount_cents'],
        "received": payment['received'].isoformat(),
        "method": payment['method'],
        "card_token": payment['card_token'],
    }


def to_portal(payment):
    """Return what the patient may see."""
    return {
        "id": payment['id'],
        "invoice_id": payment['invoice_id'],
        "reference": payment['reference'],
        "amount_cents": payment['amount_cents'],
        "received": payment['received'].isoformat(),
        "method": payment['method'],
    }


def listing(payments):
    """Return a page, and where the next one begins."""
    last = payments[-1] if payments else None
    return {
        "items": [to_json(each) for each in payments],
        "after": last['id'] if last is not None else None,
    }
