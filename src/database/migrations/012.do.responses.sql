-- Answers of the Responses API that later requests go on from, whichever replica those reach.

CREATE TABLE steerd.responses (
  owner text NOT NULL, -- id of the API key; empty for whoever has none
  id text NOT NULL,
  response text NOT NULL, -- JSON, as the API tells it
  conversation text NOT NULL, -- JSON: all items before the answer
  items text[] NOT NULL, -- ids of those and of the answer's own, by which later requests may name them
  characters bigint NOT NULL, -- of both texts
  used_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id)
) WITH (fillfactor = 70);
-- `used_at` has no index, and pages have room: to note a use writes one row and no index.
CREATE INDEX responses_items ON steerd.responses USING gin (items);
