-- Conversations, their keys, turns and items. Every content is sealed.
CREATE TABLE conversations (
    id TEXT PRIMARY KEY,
    person TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    tier TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL,
    -- The sequence number of the last item, and how many records the current key has sealed.
    last_seq BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    records BIGINT NOT NULL,
    -- Title, instructions, model, voice, and the head of the chain of items.
    meta BYTEA NOT NULL,
    -- Private: a title that the server sealed and the browser has not adopted yet.
    title_inbox BYTEA
);
CREATE INDEX conversations_person ON conversations (person, updated_ms, id);

CREATE TABLE conversation_keys (
    conversation TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    generation BIGINT NOT NULL,
    wrap BYTEA NOT NULL,
    PRIMARY KEY (conversation, generation)
);

CREATE TABLE items (
    conversation TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    seq BIGINT NOT NULL,
    id TEXT NOT NULL,
    role TEXT NOT NULL,
    turn BIGINT,
    sealed BYTEA NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (conversation, seq),
    UNIQUE (conversation, id)
);

-- How turns went: numbers and codes, never words.
CREATE TABLE turns (
    conversation TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    id TEXT NOT NULL,
    item TEXT NOT NULL,
    report TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (conversation, id)
);

-- Ways to open a person's vault, made by their browser; the server cannot use them.
CREATE TABLE slots (
    id TEXT NOT NULL,
    person TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (person, id)
);
