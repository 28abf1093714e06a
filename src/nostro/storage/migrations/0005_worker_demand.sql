-- What each worker was asked for by busy keys in the last second, so that workers can share their rate limits.
-- `beat` counts up with each report, `at` is machine time in seconds, `demand` is [[key, write, requests], ...].
CREATE TABLE worker_demand (
    worker TEXT    PRIMARY KEY,
    beat   INTEGER NOT NULL,
    at     INTEGER NOT NULL,
    demand TEXT    NOT NULL
);
