-- The truth about every run. A run is walked again by skipping what is finished here.
CREATE TABLE IF NOT EXISTS runs (
    run_id     TEXT PRIMARY KEY,
    user_id    TEXT NOT NULL,
    state      TEXT NOT NULL,               -- queued running success failed blocked cancelled
    created_at TEXT NOT NULL,
    started_at TEXT,
    ended_at   TEXT,
    title      TEXT NOT NULL,
    schema     TEXT NOT NULL,
    output_config TEXT NOT NULL,
    plan       TEXT NOT NULL,               -- everything that was resolved when the run was accepted
    error      TEXT,                        -- {stage, code, message, hint, status}
    generation INTEGER NOT NULL DEFAULT 0,  -- fences off a worker that was taken for dead
    cancel     INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS runs_by_state ON runs (state);
CREATE INDEX IF NOT EXISTS runs_by_age ON runs (created_at DESC, run_id DESC);

-- take 0, attempt 0: the stage; take n, attempt 0: one of its takes; attempt m: one submission of that take.
CREATE TABLE IF NOT EXISTS stages (
    run_id     TEXT NOT NULL REFERENCES runs (run_id) ON DELETE CASCADE,
    stage      TEXT NOT NULL,
    take       INTEGER NOT NULL DEFAULT 0,
    attempt    INTEGER NOT NULL DEFAULT 0,
    state      TEXT NOT NULL,               -- running success failed blocked cancelled skipped lost
    started_at TEXT NOT NULL,
    ended_at   TEXT,
    starts     INTEGER NOT NULL DEFAULT 1,  -- how often a walk began here
    backend    TEXT,
    prompt_id  TEXT,
    result     TEXT NOT NULL DEFAULT '{}',
    number     INTEGER NOT NULL,            -- in which order they began, within the run
    PRIMARY KEY (run_id, stage, take, attempt)
);

-- What is counted for the whole journal: the number of the newest event, which never comes back.
CREATE TABLE IF NOT EXISTS counters (
    name  TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO counters (name, value) VALUES ('event', 0) ON CONFLICT (name) DO NOTHING;

CREATE TABLE IF NOT EXISTS events (
    seq     BIGINT PRIMARY KEY,
    run_id  TEXT NOT NULL REFERENCES runs (run_id) ON DELETE CASCADE,
    stage   TEXT NOT NULL DEFAULT '',
    take    INTEGER NOT NULL DEFAULT 0,
    attempt INTEGER NOT NULL DEFAULT 0,
    kind    TEXT NOT NULL,
    key     TEXT NOT NULL DEFAULT '',
    at      TEXT NOT NULL,
    data    TEXT NOT NULL,
    UNIQUE (run_id, stage, take, attempt, kind, key)
);

CREATE TABLE IF NOT EXISTS tickets (
    run_id   TEXT NOT NULL REFERENCES runs (run_id) ON DELETE CASCADE,
    stage    TEXT NOT NULL,
    take     INTEGER NOT NULL,
    backend  TEXT NOT NULL,
    priority INTEGER NOT NULL DEFAULT 0,
    position INTEGER NOT NULL,
    held     INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (run_id, stage, take)
);
CREATE INDEX IF NOT EXISTS tickets_in_order ON tickets (backend, held, priority DESC, position);

-- Input files that a backend already has.
CREATE TABLE IF NOT EXISTS sent_files (
    backend TEXT NOT NULL,
    file    TEXT NOT NULL,
    name    TEXT NOT NULL,
    PRIMARY KEY (backend, file)
);
