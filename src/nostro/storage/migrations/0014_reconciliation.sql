-- Accounts of the ledger that stand for an account at a bank: one number for each, in every table below.
CREATE TABLE reconciled_account (
    number   INTEGER PRIMARY KEY,
    scope    INTEGER NOT NULL,
    code     TEXT    NOT NULL,
    currency TEXT    NOT NULL,
    id       TEXT    NOT NULL
);

-- What banks have said, line by line. `line` is the statement's number times 2^32 and the place in it, from 1; place 0
-- is what stood there before the first statement. Lines behind the account's last statement are being imported.
-- `booked`, `valued` and `day` are days since 1970; `day` is the one that the line counts on. `key` is a hash of what
-- it is found by, 0 if there is nothing. `parts` is JSON of the payments inside a line.
CREATE TABLE bank_line (
    account              INTEGER NOT NULL,
    line                 INTEGER NOT NULL,
    amount               INTEGER NOT NULL,
    booked               INTEGER NOT NULL,
    valued               INTEGER NOT NULL,
    day                  INTEGER NOT NULL,
    key                  INTEGER NOT NULL,
    reference            TEXT    NOT NULL,
    end_to_end           TEXT    NOT NULL,
    code                 TEXT    NOT NULL,
    description          TEXT    NOT NULL,
    counterparty         TEXT    NOT NULL,
    counterparty_account TEXT    NOT NULL,
    reversal             INTEGER NOT NULL,
    parts                TEXT    NOT NULL,
    PRIMARY KEY (account, line)
) WITHOUT ROWID;

-- Lines and entries that belong together. `line` and `entry` are the first of each; `members` is JSON of all, where
-- there are more, and of what was booked beside them. The days are those between which not all of it had happened.
CREATE TABLE bank_match (
    account    INTEGER NOT NULL,
    matched    INTEGER NOT NULL,
    line       INTEGER NOT NULL,
    entry      INTEGER NOT NULL,
    rule       TEXT    NOT NULL,
    confidence INTEGER NOT NULL,
    first_day  INTEGER NOT NULL,
    last_day   INTEGER NOT NULL,
    made       INTEGER NOT NULL,
    members    TEXT    NOT NULL,
    PRIMARY KEY (account, matched)
) WITHOUT ROWID;
CREATE INDEX bank_match__between ON bank_match (account, last_day, first_day) WHERE first_day < last_day;

-- Whose a line is, and an entry: the number of a match or the id of a break, one and never both.
CREATE TABLE bank_line_owner (
    account INTEGER NOT NULL,
    line    INTEGER NOT NULL,
    owner   TEXT    NOT NULL,
    PRIMARY KEY (account, line)
) WITHOUT ROWID;
CREATE TABLE cash_entry_owner (
    account INTEGER NOT NULL,
    entry   INTEGER NOT NULL,
    owner   TEXT    NOT NULL,
    PRIMARY KEY (account, entry)
) WITHOUT ROWID;
