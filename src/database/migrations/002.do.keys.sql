-- API keys of all servers, and what they have used of their limits.

CREATE TABLE steerd.keys (
  id text PRIMARY KEY,
  hash text NOT NULL UNIQUE, -- SHA-256 (hex) of the secret, which nothing keeps
  key json NOT NULL -- what it may do, as in a keys file
);

-- Once there was a key, keys are needed for good, even when all are revoked.
CREATE TABLE steerd.key_state (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  needed boolean NOT NULL DEFAULT false
);
INSERT INTO steerd.key_state DEFAULT VALUES;

-- Token buckets: full at a minute's worth, refilled evenly. What a server leased is taken out already.
CREATE TABLE steerd.key_buckets (
  key text NOT NULL,
  kind text NOT NULL, -- requests, tokens
  level double precision NOT NULL, -- below 0: overspent
  at timestamptz NOT NULL,
  PRIMARY KEY (key, kind)
);

-- Spends, and leases at most `want` units: at most half of what is there, so that other servers find some, and at least one where one is.
CREATE FUNCTION steerd.lease(
  a_key text, a_kind text, per_minute double precision, want double precision, spent double precision,
  OUT granted double precision, OUT level double precision
) LANGUAGE plpgsql AS $$
DECLARE
  moment timestamptz := clock_timestamp();
BEGIN
  INSERT INTO steerd.key_buckets AS b (key, kind, level, at) VALUES (a_key, a_kind, per_minute, moment)
  ON CONFLICT (key, kind) DO UPDATE SET
    level = least(per_minute, b.level + greatest(0, extract(epoch FROM moment - b.at)) * per_minute / 60),
    at = greatest(b.at, moment)
  RETURNING b.level INTO level;
  level := least(per_minute, level - spent);
  granted := CASE WHEN level < 1 OR want <= 0 THEN 0 ELSE least(want, greatest(1, floor(level / 2))) END;
  level := level - granted;
  UPDATE steerd.key_buckets b SET level = lease.level WHERE b.key = a_key AND b.kind = a_kind;
END $$;

-- Completions of a key that each server runs; a server that is gone stops counting when its row runs out.
CREATE TABLE steerd.key_streams (
  key text NOT NULL,
  server text NOT NULL,
  streams integer NOT NULL,
  until timestamptz NOT NULL,
  PRIMARY KEY (key, server)
);

-- Says how many a server runs. One more than before is refused (false) when all servers together would run more than `most`.
CREATE FUNCTION steerd.hold_streams(
  a_key text, a_server text, running integer, most integer, seconds double precision
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  others integer;
  mine integer;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('steerd streams ' || a_key, 0));
  SELECT coalesce(sum(streams) FILTER (WHERE server <> a_server AND until > clock_timestamp()), 0),
    coalesce(sum(streams) FILTER (WHERE server = a_server), 0)
  INTO others, mine FROM steerd.key_streams WHERE key = a_key;
  IF running > mine AND others + running > most THEN RETURN false; END IF;
  IF running = 0 THEN
    DELETE FROM steerd.key_streams WHERE key = a_key AND server = a_server;
  ELSE
    INSERT INTO steerd.key_streams (key, server, streams, until)
    VALUES (a_key, a_server, running, clock_timestamp() + make_interval(secs => seconds))
    ON CONFLICT (key, server) DO UPDATE SET streams = excluded.streams, until = excluded.until;
  END IF;
  RETURN true;
END $$;
