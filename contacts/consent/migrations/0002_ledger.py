"""Consent and suppressions are ledgers; consent is append-only besides."""

from django.db import migrations

FORWARD = """
ALTER TABLE consent_record ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON consent_record
    FOR EACH ROW EXECUTE FUNCTION safeguards_stamp();
CREATE INDEX consent_record_xid ON consent_record (xid);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON consent_record
    FOR EACH STATEMENT EXECUTE FUNCTION safeguards_refuse_change();

ALTER TABLE consent_suppression ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON consent_suppression
    FOR EACH ROW EXECUTE FUNCTION safeguards_stamp();
CREATE INDEX consent_suppression_xid ON consent_suppression (xid);
"""

BACKWARD = """
DROP TRIGGER stamp ON consent_suppression;
ALTER TABLE consent_suppression DROP COLUMN xid;
DROP TRIGGER append_only ON consent_record;
DROP TRIGGER stamp ON consent_record;
ALTER TABLE consent_record DROP COLUMN xid;
"""


class Migration(migrations.Migration):
    dependencies = [("consent", "0001_initial"), ("safeguards", "0002_ledgers_and_append_only")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
