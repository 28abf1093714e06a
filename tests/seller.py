"""Who sells on a platform: what makes an account complete, by the published test values."""

from __future__ import annotations

from typing import Any

ADDRESS = {"city": "Austin", "line1": "address_full_match", "postal_code": "78701", "state": "TX"}
BANK = {"object": "bank_account", "country": "US", "currency": "usd", "account_number": "000123456789",
        "routing_number": "110000000"}  # fmt: skip
ADA: dict[str, Any] = {
    "first_name": "Ada", "last_name": "Lovelace", "dob": {"day": 1, "month": 1, "year": 1902}, "address": ADDRESS,
    "email": "ada@example.com", "phone": "+15125550100", "ssn_last_4": "0000",
}  # fmt: skip
WHOLE: dict[str, Any] = {
    "business_type": "individual", "individual": ADA, "external_account": BANK,
    "business_profile": {"mcc": "5734", "url": "https://ada.example"},
    "tos_acceptance": {"date": 1_700_000_000, "ip": "203.0.113.7"},
}  # fmt: skip
