-- A job that is put on while it runs must run again. `number` is another after each run, and whenever the job is put on
-- anew; `puts` counts how often it was put on since, so a run takes off only what it has seen.
ALTER TABLE job ADD COLUMN number INTEGER NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN puts INTEGER NOT NULL DEFAULT 0;
