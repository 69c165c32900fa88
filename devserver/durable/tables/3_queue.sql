-- A queue is in the order of level, round, position. `priority` is what was asked for; moving a run changes the others.
ALTER TABLE tickets ADD COLUMN user_id TEXT NOT NULL DEFAULT 'local';
ALTER TABLE tickets ADD COLUMN level INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tickets ADD COLUMN round INTEGER NOT NULL DEFAULT 0;  -- users take turns: each has one ticket in a round
ALTER TABLE tickets ADD COLUMN asked_at TEXT NOT NULL DEFAULT '';
ALTER TABLE tickets ADD COLUMN granted_at TEXT;
ALTER TABLE tickets ADD COLUMN config TEXT NOT NULL DEFAULT '';   -- what is made, for the expected time
ALTER TABLE tickets ADD COLUMN variant TEXT NOT NULL DEFAULT '';
ALTER TABLE tickets ADD COLUMN size DOUBLE PRECISION NOT NULL DEFAULT 1;
DROP INDEX tickets_in_order;
CREATE INDEX tickets_in_order ON tickets (backend, held, level, round, position);

-- One row for each backend that was ever queued at, and '' for all of them. Whoever changes a queue changes its row
-- first, so that two processes do not grant the same turn.
CREATE TABLE queues (
    backend TEXT PRIMARY KEY,
    paused  INTEGER NOT NULL DEFAULT 0,
    changes BIGINT NOT NULL DEFAULT 0
);

-- How long what took: the last ones of each kind.
CREATE TABLE durations (
    run_id  TEXT NOT NULL,
    stage   TEXT NOT NULL,
    take    INTEGER NOT NULL,
    config  TEXT NOT NULL,
    variant TEXT NOT NULL,
    backend TEXT NOT NULL,
    size    DOUBLE PRECISION NOT NULL,
    seconds DOUBLE PRECISION NOT NULL,
    at      TEXT NOT NULL,
    PRIMARY KEY (run_id, stage, take)
);
CREATE INDEX durations_by_kind ON durations (config, variant, backend, at);

-- What an Idempotency-Key was first used for. `status` and `body` are there once it was answered.
CREATE TABLE first_answers (
    user_id TEXT NOT NULL,
    used_key TEXT NOT NULL,
    digest  TEXT NOT NULL,
    run_id  TEXT,
    status  INTEGER,
    body    TEXT,
    at      TEXT NOT NULL,
    PRIMARY KEY (user_id, used_key)
);
CREATE INDEX first_answers_by_age ON first_answers (at);
