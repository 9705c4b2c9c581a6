#!/bin/sh
# Makes the two roles and the database, once, when PostgreSQL lays out an empty volume.
# Migrations run as wellsent_owner; pages and workers as wellsent_app, which has no DDL.
set -eu

# Passwords travel by the environment, never on a command line. psql reads them by \getenv.
psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname=template1 <<'SQL'
\getenv owner_password WELLSENT_OWNER_PASSWORD
\getenv app_password WELLSENT_APP_PASSWORD
\getenv grants GRANTS_FILE
CREATE ROLE wellsent_owner LOGIN CREATEDB PASSWORD :'owner_password';
CREATE ROLE wellsent_app LOGIN PASSWORD :'app_password';
\i :grants
CREATE DATABASE wellsent OWNER wellsent_owner;
SQL
