-- Runs of the benchmark that are jobs: whichever replica goes on with one finds here what others have finished.

CREATE TABLE steerd.benchmark_runs (
  name text PRIMARY KEY,
  head text NOT NULL, -- run.json: what decides the cells
  told json NOT NULL, -- how far it is, as the API tells it
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE steerd.benchmark_records (
  run text NOT NULL REFERENCES steerd.benchmark_runs (name) ON DELETE CASCADE,
  about text NOT NULL, -- the fit, the answer or the mark: of two replicas that made the same, the first counts
  number bigint GENERATED ALWAYS AS IDENTITY, -- the order in which they came
  record text NOT NULL, -- a line of records.jsonl
  PRIMARY KEY (run, about)
);
CREATE INDEX benchmark_records_order ON steerd.benchmark_records (run, number);
