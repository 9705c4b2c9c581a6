"""Functions that every ledger shares, and the audit log's own triggers.

`safeguards_stamp` sets a row's `xid` to the writing transaction: a default alone would keep its old value on UPDATE.
`safeguards_refuse_change` makes a table append-only for everybody, its owner included, as long as the trigger stands.
"""

from django.db import migrations

FORWARD = """
CREATE FUNCTION safeguards_stamp() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.xid := pg_current_xact_id();
    RETURN NEW;
END $$;

CREATE FUNCTION safeguards_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;

ALTER TABLE safeguards_audit_event ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON safeguards_audit_event
    FOR EACH ROW EXECUTE FUNCTION safeguards_stamp();
CREATE INDEX audit_event_xid ON safeguards_audit_event (xid);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON safeguards_audit_event
    FOR EACH STATEMENT EXECUTE FUNCTION safeguards_refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON safeguards_audit_link
    FOR EACH STATEMENT EXECUTE FUNCTION safeguards_refuse_change();
"""

BACKWARD = """
DROP TRIGGER append_only ON safeguards_audit_link;
DROP TRIGGER append_only ON safeguards_audit_event;
DROP TRIGGER stamp ON safeguards_audit_event;
ALTER TABLE safeguards_audit_event DROP COLUMN xid;
DROP FUNCTION safeguards_refuse_change();
DROP FUNCTION safeguards_stamp();
"""


class Migration(migrations.Migration):
    dependencies = [("safeguards", "0001_initial")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
