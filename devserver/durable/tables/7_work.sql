-- What a server is working on, so that the next one knows what it stopped at; and how long takes were worked on.
ALTER TABLE stages ADD COLUMN at_work TEXT;  -- the process that works on it; NULL: nobody does, it waits
ALTER TABLE stages ADD COLUMN stops INTEGER NOT NULL DEFAULT 0;  -- of a stage: how often a server died working on it
ALTER TABLE stages ADD COLUMN worked_s DOUBLE PRECISION NOT NULL DEFAULT 0;  -- of a take: seconds in which it had its turn
ALTER TABLE stages DROP COLUMN starts;  -- counted runs that only waited, too
CREATE INDEX stages_at_work ON stages (at_work) WHERE at_work IS NOT NULL;
