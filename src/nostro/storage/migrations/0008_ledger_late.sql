-- The latest effective time (seconds) that any entry of the book had up to and with this one. It never falls as entry
-- numbers rise, so the entries that count at a moment end at one number, but for those below.
ALTER TABLE ledger_entry ADD COLUMN latest INTEGER NOT NULL DEFAULT 0;
UPDATE ledger_entry SET latest=w.latest FROM (
    SELECT entry, max(effective) OVER (PARTITION BY book ORDER BY entry) AS latest FROM ledger_entry
) AS w WHERE w.entry=ledger_entry.entry;

-- Lines of entries that took effect before another that was booked earlier.
CREATE TABLE ledger_late (
    account   INTEGER NOT NULL,
    entry     INTEGER NOT NULL,
    effective INTEGER NOT NULL,
    amount    INTEGER NOT NULL,
    PRIMARY KEY (account, entry)
) WITHOUT ROWID;
INSERT INTO ledger_late (account,entry,effective,amount)
SELECT p.account, p.entry, e.effective, p.amount FROM ledger_entry e JOIN ledger_posting p ON p.entry=e.entry
WHERE e.effective<e.latest;
