-- The index of the decision log, beside the table of decisions, whose columns
-- are those of ledger.Row (schema.go). Everything here is derived from the
-- journal's segments: an index of another schema is built anew when it is
-- opened. Causes have the names that they have now.

-- One row: how far the journal was read, and which journal it is.
CREATE TABLE progress (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    mark TEXT    NOT NULL
);

-- A decision's key is its time and id; the id alone is unique as well.
CREATE UNIQUE INDEX decision_id ON decision (id);
CREATE INDEX decision_time ON decision (time, id);
CREATE INDEX decision_task ON decision (task, time, id);
CREATE INDEX decision_conversation ON decision (conversation, time, id) WHERE conversation IS NOT NULL;

CREATE TABLE outcome (
    id       TEXT NOT NULL UNIQUE,
    decision TEXT NOT NULL,
    locator  TEXT NOT NULL
);

CREATE INDEX outcome_decision ON outcome (decision);

CREATE TABLE audit (
    decision TEXT    NOT NULL UNIQUE,
    task     TEXT    NOT NULL,
    policy   TEXT    NOT NULL,
    time     INTEGER NOT NULL, -- Unix nanoseconds
    locator  TEXT    NOT NULL
);

CREATE INDEX audit_task ON audit (task, policy);
