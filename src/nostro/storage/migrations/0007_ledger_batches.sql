-- Plain transfers that were booked many at once: entries `first` to `last`, one after another. `columns` has debit,
-- credit, amount, effective, kind and description (storage/batch.py), `words` the kinds and descriptions they name.
-- `recorded` is machine time in microseconds, `created` the sandbox's in seconds; `latest` as for entries. `reference`
-- names it if it came as part of a stream that its caller has named.
CREATE TABLE ledger_batch (
    first     INTEGER PRIMARY KEY,
    last      INTEGER NOT NULL,
    book      INTEGER NOT NULL,
    recorded  INTEGER NOT NULL,
    created   INTEGER NOT NULL,
    latest    INTEGER NOT NULL,
    reference TEXT,
    words     TEXT    NOT NULL,
    columns   BLOB    NOT NULL
);
CREATE INDEX ledger_batch__book ON ledger_batch (book, first);
CREATE UNIQUE INDEX ledger_batch__reference ON ledger_batch (book, reference) WHERE reference IS NOT NULL;

-- Which batches have entries of a kind.
CREATE TABLE ledger_batch_kind (
    book  INTEGER NOT NULL,
    kind  TEXT    NOT NULL,
    first INTEGER NOT NULL,
    PRIMARY KEY (book, kind, first)
) WITHOUT ROWID;

-- Their lines by account, in sorted runs (storage/runs.py): a run has the lines of a book's batches from entry `first`
-- to `last`, in pages by account and entry. What batches booked on an account adds to ledger_account.balance.
CREATE TABLE ledger_run (
    run   INTEGER PRIMARY KEY,
    book  INTEGER NOT NULL,
    level INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last  INTEGER NOT NULL,
    lines INTEGER NOT NULL
);
CREATE INDEX ledger_run__book ON ledger_run (book, first);
CREATE TABLE ledger_page (
    run     INTEGER NOT NULL,
    account INTEGER NOT NULL,
    entry   INTEGER NOT NULL,
    lines   BLOB    NOT NULL,
    PRIMARY KEY (run, account, entry)
);

-- Entries of batches that were reversed, and by which entry; other entries have a record that says it.
CREATE TABLE ledger_reversal (
    entry       INTEGER PRIMARY KEY,
    reversed_by TEXT    NOT NULL
);

-- Changes whenever limits or alerts of an account of this book do, so that a worker knows if what it remembers is true.
CREATE TABLE ledger_rules (
    book    INTEGER PRIMARY KEY,
    version INTEGER NOT NULL
);

-- Entries of one kind, newest first, without a walk through the journal.
CREATE INDEX ledger_entry__kind ON ledger_entry (book, kind, entry);
