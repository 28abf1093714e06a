-- The accounts of each platform: whose key may act for which scope. `platform` is the platform's own scope, which is
-- also the book that they share. A row goes when the account is deleted.
CREATE TABLE connected (
    platform INTEGER NOT NULL,
    account  TEXT    NOT NULL,
    scope    INTEGER NOT NULL,
    PRIMARY KEY (platform, account)
) WITHOUT ROWID;
