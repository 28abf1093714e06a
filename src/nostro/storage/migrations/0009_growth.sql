-- Metadata as terms to search by: `term` is a hash of table, key and value. A record that has changed keeps the terms
-- that it had; who finds a record by one looks whether it still holds.
CREATE TABLE search_term (
    scope INTEGER NOT NULL,
    term  INTEGER NOT NULL,
    id    TEXT    NOT NULL,
    PRIMARY KEY (scope, term, id)
) WITHOUT ROWID;

-- Events that some endpoint has not got yet, for lists by it.
CREATE INDEX delivery__undelivered ON delivery (scope, event) WHERE state <> 'delivered';

-- In the whole order in which due work is asked for: however much is due in one second, nothing is sorted.
DROP INDEX IF EXISTS job__due;
CREATE INDEX job__due ON job (due, scope, kind, ref);
DROP INDEX IF EXISTS job__scope;
CREATE INDEX job__scope ON job (scope, due, kind, ref);
DROP INDEX IF EXISTS delivery__due;
CREATE INDEX delivery__due ON delivery (due, scope, event) WHERE due IS NOT NULL;
DROP INDEX IF EXISTS delivery__endpoint;
CREATE INDEX delivery__endpoint ON delivery (endpoint, due, scope, event) WHERE due IS NOT NULL;

-- Indexes of filters that are kept another way now; the new ones are made with the tables.
DROP INDEX IF EXISTS balance_transaction__type;
DROP INDEX IF EXISTS balance_transaction__currency;
DROP INDEX IF EXISTS customer__email;
DROP INDEX IF EXISTS customer__test_clock;
DROP INDEX IF EXISTS file_link__expired;
DROP INDEX IF EXISTS payout__arrival_date;
DROP INDEX IF EXISTS ledger_app_account__type;
DROP INDEX IF EXISTS ledger_app_account__currency;
