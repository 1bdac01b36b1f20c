-- A database of version 1: what "sqlite3 FILE .dump" wrote.
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE goose_db_version (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		version_id INTEGER NOT NULL,
		is_applied INTEGER NOT NULL,
		tstamp TIMESTAMP DEFAULT (datetime('now'))
	);
INSERT INTO goose_db_version VALUES(1,0,1,'2026-11-25 22:28:04');
INSERT INTO goose_db_version VALUES(2,1,1,'2026-11-25 22:28:04');
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
INSERT INTO owners VALUES('corp','directory','uuid-of-alice','alice','["platform"]',1772600767,0);
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
INSERT INTO tokens VALUES('corp','0123456789ab',X'97981c5c7678747093ee8758186804054884f7963d16317b515068af44c9d3b7','directory','uuid-of-alice','everything','["repository:team/**:pull,push","registry:catalog:*"]','["10.0.0.0/8","2001:db8::/32"]',1,'["ops","Łódź \"x\""]',1772600767,'administrator',1772604367,1772600827,'directory:alice',1772600768,'2001:db8::1');
INSERT INTO tokens VALUES('corp','ABCDEFGHIJKL',X'a42294ef81b6da783d5a82405118d1df1e02af11d65b316b5eb6df0ea3d3f77c','directory','uuid-of-alice','least','["repository:team/**:pull"]','[]',0,'[]',1772600707,'administrator',1772604367,NULL,'',NULL,'');
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('goose_db_version',2);
CREATE INDEX owners_by_username ON owners (realm, connector, username);
CREATE INDEX tokens_by_account ON tokens (realm, connector, account);
CREATE INDEX tokens_by_created ON tokens (realm, created DESC, id);
COMMIT;
