-- What the bank is to be told: one row for each payment, until it is in a file (`file` is null) and for ever after.
-- `source` is the object that pays (a payout, a top-up, a bulk payout) and `reference` its line, empty where it has
-- none. `scope` is whose money it is, `account` the originating account, `due` the moment from which it can be in a
-- file (seconds), `receiver` the other side's bank account as JSON. `trace` is what the bank calls it. `code` says
-- why it came back, in the bank's own words, and `answer` which answer said so, or the file if all of it failed; `change` is what the bank corrected.
CREATE TABLE payment_instruction (
    book      INTEGER NOT NULL,
    source    TEXT    NOT NULL,
    reference TEXT    NOT NULL,
    scope     INTEGER NOT NULL,
    account   TEXT    NOT NULL,
    due       INTEGER NOT NULL,
    debit     INTEGER NOT NULL,
    amount    INTEGER NOT NULL,
    receiver  TEXT    NOT NULL,
    file      TEXT,
    trace     TEXT,
    code      TEXT,
    answer    TEXT,
    change    TEXT,
    PRIMARY KEY (book, source, reference)
) WITHOUT ROWID;
CREATE INDEX payment_instruction__waiting ON payment_instruction (book, account, due, source, reference)
    WHERE file IS NULL;
CREATE INDEX payment_instruction__file ON payment_instruction (book, file, trace) WHERE file IS NOT NULL;
CREATE INDEX payment_instruction__trace ON payment_instruction (book, account, trace) WHERE trace IS NOT NULL;
CREATE INDEX payment_instruction__answer ON payment_instruction (book, answer, source) WHERE answer IS NOT NULL;

-- The bytes of bank files as they were built, and of answers as they came.
CREATE TABLE bank_file_content (
    book    INTEGER NOT NULL,
    id      TEXT    NOT NULL,
    content BLOB    NOT NULL,
    PRIMARY KEY (book, id)
);
