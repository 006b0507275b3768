-- One record for each key of the server that was ever in use: a key of the same name that does not open it is another.
CREATE TABLE key_checks (
    kid TEXT PRIMARY KEY,
    record BYTEA NOT NULL
);
