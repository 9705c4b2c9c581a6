-- What the application's role may do, laid into template1 by the superuser so that every database
-- made from it (the product's own, and those of the tests) starts with the same privileges.
-- Read by marketing/servers/postgres.py and by the PostgreSQL container (docker/postgres-roles.sh).
-- The roles exist already. wellsent_owner runs migrations; wellsent_app serves pages and sends.

-- No DDL for anybody but the database's owner: since PostgreSQL 15 the default, and said here again
-- because a template restored from an older dump brings the old default back.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;

-- Tables that migrations make are usable at once. TRUNCATE, REFERENCES and TRIGGER stay with the owner.
ALTER DEFAULT PRIVILEGES FOR ROLE wellsent_owner
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO wellsent_app;
ALTER DEFAULT PRIVILEGES FOR ROLE wellsent_owner
    GRANT USAGE, SELECT ON SEQUENCES TO wellsent_app;
