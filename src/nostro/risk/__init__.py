"""What may be wrong with a payment: reviews by people, and warnings from card issuers."""
