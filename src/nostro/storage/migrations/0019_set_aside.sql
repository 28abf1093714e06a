-- Why a payment could not be written into any file. It is set aside then: its `file` is empty, and its `trace` a name of
-- its own.
ALTER TABLE payment_instruction ADD COLUMN reason TEXT;
