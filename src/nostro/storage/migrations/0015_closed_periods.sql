-- Up to when a book is closed: no entry may take effect before `until` (seconds of the sandbox's time). A book that
-- never closed a period has no row.
CREATE TABLE ledger_closed (
    book  INTEGER PRIMARY KEY,
    until INTEGER NOT NULL
);
