-- The index of the decision log. Everything here is derived from the journal's
-- segments; after a change of this file raise schemaVersion, and every index is
-- built anew when it is opened.

-- One row: how far the journal was read, and which journal it is.
CREATE TABLE progress (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    segment INTEGER NOT NULL,
    offset  INTEGER NOT NULL,
    chain   BLOB    NOT NULL  -- the chain hash that ends there
);

CREATE TABLE decision (
    seq                INTEGER PRIMARY KEY, -- of the record in the journal
    id                 TEXT    NOT NULL,
    time               INTEGER NOT NULL,    -- Unix nanoseconds
    task               TEXT    NOT NULL,
    conversation       TEXT,
    principal          TEXT,
    slices             TEXT,                -- JSON array
    config             TEXT    NOT NULL,
    policy             TEXT    NOT NULL,
    tier               TEXT    NOT NULL,    -- empty: no tier answered
    model              TEXT    NOT NULL,
    cause              TEXT    NOT NULL,
    lifecycle          TEXT    NOT NULL,
    status             INTEGER NOT NULL,
    streamed           INTEGER NOT NULL,
    attempts           INTEGER NOT NULL,
    cost               INTEGER,             -- nano-dollars; NULL is unknown
    baseline           INTEGER,
    baseline_estimated INTEGER NOT NULL,
    acceptable         REAL,
    uplift             REAL,
    latency            INTEGER NOT NULL,    -- nanoseconds
    overhead           INTEGER NOT NULL,
    segment            INTEGER NOT NULL,    -- where the record stands
    offset             INTEGER NOT NULL
);

CREATE UNIQUE INDEX decision_id ON decision (id);
-- seq is part of every index, so these order lists completely.
CREATE INDEX decision_time ON decision (time);
CREATE INDEX decision_task ON decision (task, time);
CREATE INDEX decision_conversation ON decision (conversation, time) WHERE conversation IS NOT NULL;

CREATE TABLE outcome (
    seq      INTEGER PRIMARY KEY,
    id       TEXT    NOT NULL UNIQUE,
    decision TEXT    NOT NULL,
    segment  INTEGER NOT NULL,
    offset   INTEGER NOT NULL
);

CREATE INDEX outcome_decision ON outcome (decision);
