-- Jobs that every replica knows and any may take. Who has one says so again and again (`beat_at`): when it falls silent the job is taken
-- by another, and whatever the first one then says is not heard, for its `attempt` is not the row's.

CREATE TABLE steerd.jobs (
  id text PRIMARY KEY,
  kind text NOT NULL, -- fit, calibration, sweep, pull, import
  number bigint GENERATED ALWAYS AS IDENTITY, -- the order in which they came
  key text, -- of two unfinished ones with the same key the second is not added
  model text, -- only a replica that has it takes the job
  status text NOT NULL CHECK (status IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
  job json NOT NULL, -- as the API tells it
  request json, -- null once finished
  holder text NOT NULL, -- the replica that made it, then the one that has it
  attempt integer NOT NULL DEFAULT 0, -- counts who took it: what an earlier holder says is not heard
  losses integer NOT NULL DEFAULT 0, -- holders that fell silent
  beat_at timestamptz, -- when its holder last said that it works on it
  cancelling boolean NOT NULL DEFAULT false,
  finished boolean NOT NULL DEFAULT false
);
CREATE UNIQUE INDEX jobs_key ON steerd.jobs (kind, key) WHERE NOT finished;
CREATE INDEX jobs_open ON steerd.jobs (kind, number) WHERE NOT finished;
CREATE INDEX jobs_number ON steerd.jobs (kind, number);

CREATE TABLE steerd.job_events (
  job text NOT NULL REFERENCES steerd.jobs (id) ON DELETE CASCADE,
  id integer NOT NULL, -- counts up within a job
  event json NOT NULL,
  PRIMARY KEY (job, id)
);

-- Which models which replica answers with: a request for a model of another one is passed on.
CREATE TABLE steerd.replicas (
  name text PRIMARY KEY,
  serves boolean NOT NULL, -- false for workers, which answer no requests
  models text[] NOT NULL,
  seen_at timestamptz NOT NULL
);
