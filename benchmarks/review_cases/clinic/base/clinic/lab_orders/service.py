"""Lab orders: ordered, collected, resulted."""

from datetime import timedelta

from clinic.errors import Conflict, Invalid
from clinic.lab_orders import repository as lab_orders

SAME_PANEL = timedelta(days=7)
ALLOWED = {True: timedelta(hours=4), False: timedelta(hours=48)}


def order(db, lab_order):
    """Store an order, unless the same was ordered within a week and isn't urgent now."""
    for each in lab_orders.of_patient(db, lab_order['patient_id']):
        recent = lab_order['ordered'] - each['ordered'] < SAME_PANEL
        if each['panel'] == lab_order['panel'] and recent and not lab_order['urgent']:
            raise Conflict(f"{lab_order['panel']} was ordered on {each['ordered']:%d %b}")
    return lab_orders.insert(db, lab_order)


def collect(db, lab_order_id, now):
    """Take down that the sample is there."""
    lab_order = lab_orders.get(db, lab_order_id)
    if lab_order['collected'] is not None:
        raise Conflict("the sample is there already")
    if now < lab_order['ordered']:
        raise Invalid("a sample is taken after it was ordered")
    return lab_orders.update(db, dict(lab_order, collected=now))


def report(db, lab_order_id, result, now):
    """Take down a result; a later one replaces it."""
    lab_order = lab_orders.get(db, lab_order_id)
    if lab_order['collected'] is None:
        raise Conflict("there is no sample")
    if not result.strip():
        raise Invalid("a result says something")
    return lab_orders.update(db, dict(lab_order, resulted=now, result=result.strip()))


def is_late(lab_order, now):
    """Tell whether the laboratory has had a sample for too long."""
    if lab_order['collected'] is None or lab_order['resulted'] is not None:
        return False
    return now - lab_order['collected'] > ALLOWED[lab_order['urgent']]


def late(db, panel, now):
    """Return the orders of a panel that somebody should call about, the urgent ones first."""
    waiting = [each for each in lab_orders.of_panel(db, panel) if is_late(each, now)]
    return sorted(waiting, key=lambda each: (not each['urgent'], each['ordered'], each['id']))
