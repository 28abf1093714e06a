-- Accounts that a caller has opened (codes under app:) and what their kind and normal balance are; the
-- product's own are on the chart. The row also keeps a code from being opened twice.
CREATE TABLE ledger_opened (
    book     INTEGER NOT NULL,
    code     TEXT    NOT NULL,
    currency TEXT    NOT NULL,
    kind     TEXT    NOT NULL,
    normal   TEXT    NOT NULL,
    PRIMARY KEY (book, code, currency)
);
