"""Usage-based billing: events in, invoices out."""
