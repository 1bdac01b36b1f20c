-- Personal access tokens and the accounts that they belong to. Times are seconds since
-- 1970 in UTC; what may be missing is NULL. Lists are JSON arrays of texts.

-- +goose Up
CREATE TABLE owners (
    realm     TEXT    NOT NULL,
    connector TEXT    NOT NULL,
    account   TEXT    NOT NULL, -- the connector's stable id
    username  TEXT    NOT NULL,
    "groups"  TEXT    NOT NULL CHECK (json_valid("groups")),
    seen      INTEGER NOT NULL,
    gone      INTEGER NOT NULL CHECK (gone IN (0, 1)),
    PRIMARY KEY (realm, connector, account)
) STRICT, WITHOUT ROWID;

CREATE INDEX owners_by_username ON owners (realm, connector, username);

CREATE TABLE tokens (
    realm          TEXT    NOT NULL,
    id             TEXT    NOT NULL, -- the public id
    hash           BLOB    NOT NULL CHECK (length(hash) = 32), -- SHA-256 of the text
    connector      TEXT    NOT NULL,
    account        TEXT    NOT NULL,
    name           TEXT    NOT NULL,
    scopes         TEXT    NOT NULL CHECK (json_valid(scopes)),
    networks       TEXT    NOT NULL CHECK (json_valid(networks)),
    groups_fixed   INTEGER NOT NULL CHECK (groups_fixed IN (0, 1)),
    "groups"       TEXT    NOT NULL CHECK (json_valid("groups")),
    created        INTEGER NOT NULL,
    created_by     TEXT    NOT NULL,
    expires        INTEGER NOT NULL,
    revoked        INTEGER,
    revoked_by     TEXT    NOT NULL,
    last_used      INTEGER,
    last_used_from TEXT    NOT NULL,
    PRIMARY KEY (realm, id),
    FOREIGN KEY (realm, connector, account) REFERENCES owners (realm, connector, account)
) STRICT, WITHOUT ROWID;

CREATE INDEX tokens_by_account ON tokens (realm, connector, account);

CREATE INDEX tokens_by_created ON tokens (realm, created DESC, id);
