-- A take waits for all backends together: `backend` is '' until it is bound to the one that has it done first.
ALTER TABLE tickets ADD COLUMN demand TEXT NOT NULL DEFAULT '';  -- what it needs: that of takes that are alike is the same
ALTER TABLE tickets ADD COLUMN why TEXT NOT NULL DEFAULT '';     -- why it was bound to that backend
ALTER TABLE tickets ADD COLUMN rests INTEGER NOT NULL DEFAULT 0; -- it keeps its place, and wants no backend now
ALTER TABLE tickets ADD COLUMN moved INTEGER NOT NULL DEFAULT 0; -- somebody has moved it
ALTER TABLE tickets ADD COLUMN passed INTEGER NOT NULL DEFAULT 0;  -- how often a later one got a place that fits it
ALTER TABLE tickets ADD COLUMN passed_at TEXT;                     -- when that happened first
ALTER TABLE tickets ADD COLUMN failed_at TEXT NOT NULL DEFAULT '';  -- the backends at which it failed, one a line
UPDATE tickets SET backend = '' WHERE held = 0;
DROP INDEX tickets_in_order;
CREATE INDEX tickets_in_order ON tickets (held, rests, level DESC, round, position, run_id, stage, take);

-- What a duration was measured at: with its models loaded already or not, and on which device and version.
ALTER TABLE durations ADD COLUMN loaded INTEGER NOT NULL DEFAULT 1;
ALTER TABLE durations ADD COLUMN device TEXT NOT NULL DEFAULT '';

-- Prompts that were given up without being seen to end: their backend may run them yet.
CREATE TABLE given_up (
    backend   TEXT NOT NULL,
    prompt_id TEXT NOT NULL,
    PRIMARY KEY (backend, prompt_id)
);
