-- What a run is found by: words as devserver/search.py makes them, written in the same transactions as the run.
-- `place` grows with the run's age. Texts are written as vectors, so that no parser and no locale has another opinion.
CREATE TABLE searched (
    place  BIGINT NOT NULL,
    run_id TEXT PRIMARY KEY REFERENCES runs (run_id) ON DELETE CASCADE,
    title  TEXT NOT NULL,
    input  TEXT NOT NULL,
    final  TEXT NOT NULL DEFAULT '',
    marks  TEXT NOT NULL,
    words  TSVECTOR NOT NULL GENERATED ALWAYS AS (
        CAST(title AS TSVECTOR) || CAST(input AS TSVECTOR) || CAST(final AS TSVECTOR)
        || array_to_tsvector(string_to_array(marks, ' '))
    ) STORED
);
CREATE INDEX searched_by_words ON searched USING gin (words);
CREATE INDEX searched_by_place ON searched (place DESC);
-- Runs from before this table; they are read into it at the next start.
INSERT INTO counters (name, value) SELECT 'unsearched', count(*) FROM runs;

CREATE INDEX runs_of_user ON runs (user_id, created_at DESC, run_id DESC);
CREATE INDEX runs_of_user_by_state ON runs (user_id, state, created_at DESC, run_id DESC);
CREATE INDEX runs_of_state ON runs (state, created_at DESC, run_id DESC);
