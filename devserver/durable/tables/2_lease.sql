-- Who walks a run. Between processes that share a database a walk is a lease: held on for as long as its owner is
-- alive, by the database's own clock, and anybody's when it has run out.
ALTER TABLE runs ADD COLUMN owner TEXT;                    -- the process that walks it; NULL: anybody may
ALTER TABLE runs ADD COLUMN lease_until DOUBLE PRECISION;  -- seconds, as epoch_now() counts them

-- The processes that are there: what each has, and when it was last heard of.
CREATE TABLE processes (
    name     TEXT PRIMARY KEY,        -- node, process id and a drawn number
    node     TEXT NOT NULL,
    role     TEXT NOT NULL,           -- web worker all
    seen_at  DOUBLE PRECISION NOT NULL,
    walks    INTEGER NOT NULL,
    backends TEXT NOT NULL            -- a JSON array, as /api/backends tells them
);

