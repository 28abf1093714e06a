-- Requests that were answered, newest last: `id` is without its req_, and leads with the time. Lines of a worker are
-- written together, a moment after their answers. No text is NULL. `failed` is 4 or 5 for a status of that class, else
-- 0; `object` is what a write or a failure was about.
CREATE TABLE request_log (
    scope           INTEGER NOT NULL,
    id              TEXT    NOT NULL,
    caller          INTEGER NOT NULL,
    method          TEXT    NOT NULL,
    path            TEXT    NOT NULL,
    status          INTEGER NOT NULL,
    failed          INTEGER NOT NULL,
    micros          INTEGER NOT NULL,
    code            TEXT    NOT NULL,
    object          TEXT    NOT NULL,
    idempotency_key TEXT    NOT NULL,
    PRIMARY KEY (scope, id)
) WITHOUT ROWID;
CREATE INDEX request_log__failed ON request_log (scope, failed, id) WHERE failed > 0;
CREATE INDEX request_log__code ON request_log (scope, code, id) WHERE code <> '';
CREATE INDEX request_log__object ON request_log (scope, object, id) WHERE object <> '';

-- What was sent and what was answered, packed, without what must not be kept: of failures, and of writes in `dev`.
CREATE TABLE request_detail (
    scope  INTEGER NOT NULL,
    id     TEXT    NOT NULL,
    packed BLOB    NOT NULL,
    PRIMARY KEY (scope, id)
) WITHOUT ROWID;

-- Who asked, once for many lines. `seen` is the day, in seconds, on which a worker last met it first.
CREATE TABLE request_caller (
    caller      INTEGER PRIMARY KEY,
    seen        INTEGER NOT NULL,
    key_hint    TEXT    NOT NULL,
    key_kind    TEXT    NOT NULL,
    api_version TEXT    NOT NULL,
    ip          TEXT    NOT NULL,
    user_agent  TEXT    NOT NULL
);
CREATE INDEX request_caller__seen ON request_caller (seen);

-- How many lines each hour has, so that the oldest hours can make room. `hour` is seconds since 1970.
CREATE TABLE request_hour (
    hour  INTEGER PRIMARY KEY,
    lines INTEGER NOT NULL
);
