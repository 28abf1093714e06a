"""Pages that customers see: the test bank, and receipts. They need no key, only what their URL says."""
