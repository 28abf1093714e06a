-- Up to where the books have been verified, all of them: one row. `hash` is that of the chain's link, `lines` how many
-- lines of accounts the entries up to `entry` have booked.
CREATE TABLE ledger_verified (
    id    INTEGER PRIMARY KEY,
    entry INTEGER NOT NULL,
    link  INTEGER NOT NULL,
    hash  TEXT    NOT NULL,
    lines INTEGER NOT NULL
);
