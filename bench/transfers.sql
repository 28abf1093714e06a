-- The peer of our ledger: a ledger inside PostgreSQL, after pgledger's design, written for this benchmark. A transfer
-- is one call: both accounts are locked in the order of their ids, so that no deadlock can arise.
CREATE TABLE account (
    id       BIGINT PRIMARY KEY,
    currency TEXT   NOT NULL,
    balance  BIGINT NOT NULL DEFAULT 0,
    version  BIGINT NOT NULL DEFAULT 0,
    updated  TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE TABLE transfer (
    id      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    giver   BIGINT NOT NULL REFERENCES account,
    taker   BIGINT NOT NULL REFERENCES account,
    amount  BIGINT NOT NULL CHECK (amount > 0),
    created TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE TABLE entry (
    id       BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account  BIGINT NOT NULL REFERENCES account,
    transfer BIGINT NOT NULL REFERENCES transfer,
    amount   BIGINT NOT NULL,
    before   BIGINT NOT NULL,
    after    BIGINT NOT NULL,
    version  BIGINT NOT NULL
);
CREATE INDEX entry_account ON entry (account, version);
CREATE INDEX entry_transfer ON entry (transfer);

CREATE FUNCTION move(from_account BIGINT, to_account BIGINT, moved BIGINT) RETURNS BIGINT LANGUAGE plpgsql AS $$
DECLARE
    giver account;
    taker account;
    made  BIGINT;
BEGIN
    IF from_account < to_account THEN
        SELECT * INTO STRICT giver FROM account WHERE id = from_account FOR UPDATE;
        SELECT * INTO STRICT taker FROM account WHERE id = to_account FOR UPDATE;
    ELSE
        SELECT * INTO STRICT taker FROM account WHERE id = to_account FOR UPDATE;
        SELECT * INTO STRICT giver FROM account WHERE id = from_account FOR UPDATE;
    END IF;
    IF giver.currency <> taker.currency THEN
        RAISE EXCEPTION 'the accounts have different currencies';
    END IF;
    INSERT INTO transfer (giver, taker, amount) VALUES (from_account, to_account, moved) RETURNING id INTO made;
    UPDATE account SET balance = balance - moved, version = version + 1, updated = now() WHERE id = from_account;
    UPDATE account SET balance = balance + moved, version = version + 1, updated = now() WHERE id = to_account;
    INSERT INTO entry (account, transfer, amount, before, after, version) VALUES
        (from_account, made, -moved, giver.balance, giver.balance - moved, giver.version + 1),
        (to_account, made, moved, taker.balance, taker.balance + moved, taker.version + 1);
    RETURN made;
END $$;

INSERT INTO account (id, currency) SELECT n, 'usd' FROM generate_series(1, 1000) n;
