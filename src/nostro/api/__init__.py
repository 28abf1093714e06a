"""The wire: HTTP in Stripe's format, resolved from the RESOURCE values."""
