-- The request that a run came with, for its trace: a W3C traceparent. Only where traces are sent anywhere.
CREATE TABLE traces (
    run_id TEXT PRIMARY KEY REFERENCES runs (run_id) ON DELETE CASCADE,
    parent TEXT NOT NULL
);
