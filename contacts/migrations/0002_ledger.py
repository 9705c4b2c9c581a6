"""Contacts are a ledger that the index process reads: each row carries the transaction that wrote it."""

from django.db import migrations

FORWARD = """
ALTER TABLE contacts_contact ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON contacts_contact
    FOR EACH ROW EXECUTE FUNCTION safeguards_stamp();
CREATE INDEX contact_xid ON contacts_contact (xid);
"""

BACKWARD = """
DROP TRIGGER stamp ON contacts_contact;
ALTER TABLE contacts_contact DROP COLUMN xid;
"""


class Migration(migrations.Migration):
    dependencies = [("contacts", "0001_initial"), ("safeguards", "0002_ledgers_and_append_only")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
