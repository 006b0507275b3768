-- People: accounts and guests, their logins, tokens and invitations.
CREATE TABLE people (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    name TEXT UNIQUE,
    password TEXT,
    admin BIGINT NOT NULL,
    disabled BIGINT NOT NULL,
    udk BLOB NOT NULL,
    udk_kid TEXT NOT NULL,
    default_tier TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    seen_ms BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    locked_until_ms BIGINT NOT NULL,
    -- The Private tier: the public key that finished turns are sealed to, and the wrapped private one.
    identity BLOB,
    vault BLOB
);
CREATE INDEX people_idle ON people (kind, seen_ms);

CREATE TABLE logins (
    id TEXT PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    person TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    label TEXT NOT NULL,
    remember BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    seen_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL
);
CREATE INDEX logins_person ON logins (person);
CREATE INDEX logins_expiry ON logins (expires_ms);

CREATE TABLE api_tokens (
    id TEXT PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    person TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    label TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    used_ms BIGINT,
    expires_ms BIGINT
);
CREATE INDEX api_tokens_person ON api_tokens (person);

CREATE TABLE invites (
    hash BLOB PRIMARY KEY,
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    used_by TEXT
);
