-- What a run is found by: words as devserver/search.py makes them, written in the same transactions as the run.
-- `place` grows with the run's age, so that the index gives the newest first without sorting.
CREATE TABLE searched (
    place  INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL UNIQUE REFERENCES runs (run_id) ON DELETE CASCADE,
    title  TEXT NOT NULL,
    input  TEXT NOT NULL,
    final  TEXT NOT NULL DEFAULT '',
    marks  TEXT NOT NULL
);
-- Every sign that is no space is part of a word: what a word is was decided before.
CREATE VIRTUAL TABLE searched_words USING fts5 (
    title, input, final, marks, content = 'searched', content_rowid = 'place', tokenize = 'ascii', prefix = '1 2 3'
);
CREATE TRIGGER searched_added AFTER INSERT ON searched BEGIN
    INSERT INTO searched_words (rowid, title, input, final, marks)
        VALUES (new.place, new.title, new.input, new.final, new.marks);
END;
CREATE TRIGGER searched_deleted AFTER DELETE ON searched BEGIN
    INSERT INTO searched_words (searched_words, rowid, title, input, final, marks)
        VALUES ('delete', old.place, old.title, old.input, old.final, old.marks);
END;
CREATE TRIGGER searched_changed AFTER UPDATE ON searched BEGIN
    INSERT INTO searched_words (searched_words, rowid, title, input, final, marks)
        VALUES ('delete', old.place, old.title, old.input, old.final, old.marks);
    INSERT INTO searched_words (rowid, title, input, final, marks)
        VALUES (new.place, new.title, new.input, new.final, new.marks);
END;
-- Runs from before this table; they are read into it at the next start.
INSERT INTO counters (name, value) SELECT 'unsearched', count(*) FROM runs;

CREATE INDEX runs_of_user ON runs (user_id, created_at DESC, run_id DESC);
CREATE INDEX runs_of_user_by_state ON runs (user_id, state, created_at DESC, run_id DESC);
CREATE INDEX runs_of_state ON runs (state, created_at DESC, run_id DESC);
