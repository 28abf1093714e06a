-- Whose data: one row for each merchant and mode. `book` groups scopes that share one ledger.
CREATE TABLE scope (
    scope        INTEGER PRIMARY KEY,
    merchant     TEXT    NOT NULL,
    livemode     INTEGER NOT NULL,
    book         INTEGER NOT NULL,
    clock_offset INTEGER NOT NULL DEFAULT 0,
    dev          INTEGER NOT NULL DEFAULT 0,
    created      INTEGER NOT NULL,
    UNIQUE (merchant, livemode)
);
CREATE INDEX scope__ahead ON scope (scope) WHERE clock_offset > 0;

-- Keys are kept as SHA-256 only; `hint` is what a person may see of one.
CREATE TABLE api_key (
    hash    TEXT    PRIMARY KEY,
    scope   INTEGER NOT NULL,
    kind    TEXT    NOT NULL,
    hint    TEXT    NOT NULL,
    name    TEXT    NOT NULL,
    created INTEGER NOT NULL,
    revoked INTEGER
);

-- Running totals, in minor units, debit positive.
CREATE TABLE ledger_account (
    account  INTEGER PRIMARY KEY,
    book     INTEGER NOT NULL,
    code     TEXT    NOT NULL,
    currency TEXT    NOT NULL,
    balance  INTEGER NOT NULL,
    UNIQUE (book, code, currency)
);

-- `postings` is [[account, amount], ...] as booked. `recorded` is machine time in microseconds and
-- never falls; `effective` is the sandbox's time in seconds.
CREATE TABLE ledger_entry (
    entry       INTEGER PRIMARY KEY,
    book        INTEGER NOT NULL,
    kind        TEXT    NOT NULL,
    source      TEXT    NOT NULL,
    recorded    INTEGER NOT NULL,
    effective   INTEGER NOT NULL,
    reverses    INTEGER,
    description TEXT,
    postings    TEXT    NOT NULL
);
CREATE INDEX ledger_entry__source ON ledger_entry (source);
CREATE INDEX ledger_entry__book ON ledger_entry (book, entry);

-- The same lines by account, each with the balance after it: statements and past balances are range reads.
CREATE TABLE ledger_posting (
    account INTEGER NOT NULL,
    entry   INTEGER NOT NULL,
    amount  INTEGER NOT NULL,
    balance INTEGER NOT NULL,
    PRIMARY KEY (account, entry)
) WITHOUT ROWID;

-- One link for each commit that booked entries: SHA-256 over the previous link and the entries.
CREATE TABLE ledger_chain (
    link     INTEGER PRIMARY KEY,
    first    INTEGER NOT NULL,
    last     INTEGER NOT NULL,
    recorded INTEGER NOT NULL,
    hash     TEXT    NOT NULL
);

-- The first answer to each Idempotency-Key, committed with its effects.
CREATE TABLE idempotency (
    scope       INTEGER NOT NULL,
    key         TEXT    NOT NULL,
    fingerprint TEXT    NOT NULL,
    status      INTEGER NOT NULL,
    request     TEXT    NOT NULL,
    body        BLOB    NOT NULL,
    created     INTEGER NOT NULL,
    PRIMARY KEY (scope, key)
) WITHOUT ROWID;
CREATE INDEX idempotency__created ON idempotency (created);

-- Scheduled work. `due` is seconds of the sandbox's time; one row for each (scope, kind, ref).
-- job__due finds what is due everywhere, job__scope in a sandbox whose time was moved ahead.
CREATE TABLE job (
    scope    INTEGER NOT NULL,
    kind     TEXT    NOT NULL,
    ref      TEXT    NOT NULL,
    due      INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    error    TEXT,
    PRIMARY KEY (scope, kind, ref)
) WITHOUT ROWID;
CREATE INDEX job__due ON job (due);
CREATE INDEX job__scope ON job (scope, due);

-- One event on its way to one endpoint: pending, sending, delivered or failed. `due` is machine time in
-- seconds: when to send it, or, while it is being sent, when to take it for lost and send it again; NULL at the
-- end. `attempts` numbers every try, `tries` counts those since it was last queued and leads the retries.
CREATE TABLE delivery (
    scope    INTEGER NOT NULL,
    event    TEXT    NOT NULL,
    endpoint TEXT    NOT NULL,
    state    TEXT    NOT NULL,
    due      INTEGER,
    attempts INTEGER NOT NULL DEFAULT 0,
    tries    INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (scope, event, endpoint)
) WITHOUT ROWID;
CREATE INDEX delivery__due ON delivery (due) WHERE due IS NOT NULL;
CREATE INDEX delivery__endpoint ON delivery (endpoint, due) WHERE due IS NOT NULL;

-- Each try at a delivery, and what came of it.
CREATE TABLE delivery_attempt (
    scope    INTEGER NOT NULL,
    event    TEXT    NOT NULL,
    endpoint TEXT    NOT NULL,
    number   INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    status   INTEGER,
    millis   INTEGER NOT NULL,
    detail   TEXT    NOT NULL,
    PRIMARY KEY (scope, event, endpoint, number)
) WITHOUT ROWID;
