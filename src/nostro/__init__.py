"""Nostro: payments infrastructure that a company runs itself, behind Stripe's wire format."""

__version__ = "0.1.0"
