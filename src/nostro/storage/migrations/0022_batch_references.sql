-- References of entries that were booked in batches: of entries `first` to `last`, a JSON list, with an empty text for
-- an entry that has none. `scope` is whose they are.
CREATE TABLE ledger_name (
    first INTEGER PRIMARY KEY,
    last  INTEGER NOT NULL,
    scope INTEGER NOT NULL,
    names BLOB    NOT NULL
);

-- They are found by hash, in sorted runs like the lines of accounts (storage/names.py): a run has those of the scope's
-- batches from entry `first` to `last`, in pages by hash. A part of a run has a filter, which says what is not in it.
CREATE TABLE ledger_name_run (
    run   INTEGER PRIMARY KEY,
    scope INTEGER NOT NULL,
    level INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last  INTEGER NOT NULL,
    lines INTEGER NOT NULL
);
CREATE INDEX ledger_name_run__scope ON ledger_name_run (scope, first);
CREATE TABLE ledger_name_page (
    run   INTEGER NOT NULL,
    hash  INTEGER NOT NULL,
    entry INTEGER NOT NULL,
    lines BLOB    NOT NULL,
    PRIMARY KEY (run, hash, entry)
);
CREATE TABLE ledger_name_filter (
    run  INTEGER NOT NULL,
    hash INTEGER NOT NULL,
    bits BLOB    NOT NULL,
    PRIMARY KEY (run, hash)
);
