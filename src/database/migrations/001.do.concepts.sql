-- What all replicas share of concepts. A version's content is found by its hash and never changes; vectors by a hash of their own, for
-- a renamed or newly calibrated concept has the same ones. `concepts` says which version a name means now, `versions` which it meant before.

CREATE TABLE steerd.vectors (
  hash text PRIMARY KEY, -- SHA-256 (hex) of the bytes
  bytes bytea NOT NULL -- float32, little-endian, [layers * hidden size]
);
-- They do not compress: no time is spent on trying.
ALTER TABLE steerd.vectors ALTER COLUMN bytes SET STORAGE EXTERNAL;

CREATE TABLE steerd.contents (
  version text PRIMARY KEY, -- the concept's version: SHA-256 (hex) of all it says
  model text NOT NULL,
  name text NOT NULL,
  document text NOT NULL, -- canonical JSON; the version depends on every character
  residual_norms bytea NOT NULL, -- float32, little-endian
  coefficients bytea NOT NULL, -- float32, little-endian
  vectors text NOT NULL REFERENCES steerd.vectors (hash)
);
CREATE INDEX contents_vectors ON steerd.contents (vectors);
CREATE INDEX contents_name ON steerd.contents (model, name);

CREATE TABLE steerd.concepts (
  model text NOT NULL,
  name text NOT NULL,
  version text REFERENCES steerd.contents (version), -- null once deleted
  owner text, -- id of the API key that made it
  number integer NOT NULL, -- of the last version, from 1
  bytes bigint NOT NULL, -- of its vectors
  changed_at timestamptz NOT NULL DEFAULT now(),
  revision bigint NOT NULL, -- the change of all concepts that this was
  PRIMARY KEY (model, name)
);
CREATE INDEX concepts_revision ON steerd.concepts (revision);
CREATE INDEX concepts_version ON steerd.concepts (version);
CREATE INDEX concepts_owner ON steerd.concepts (owner) WHERE version IS NOT NULL;

CREATE TABLE steerd.versions (
  model text NOT NULL,
  name text NOT NULL,
  number integer NOT NULL,
  version text NOT NULL REFERENCES steerd.contents (version),
  since timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (model, name, number),
  FOREIGN KEY (model, name) REFERENCES steerd.concepts (model, name)
);
CREATE INDEX versions_version ON steerd.versions (version);

-- One row, which every change of a concept locks: changes happen one after the other, so that whoever has seen revision n has seen all
-- up to n, and quotas are exact.
CREATE TABLE steerd.concept_state (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  revision bigint NOT NULL DEFAULT 0,
  forgotten bigint NOT NULL DEFAULT 0 -- names deleted before this revision may be gone without a trace
);
INSERT INTO steerd.concept_state DEFAULT VALUES;
