"""Appointments, and what comes of them."""
