"""Memberships are a ledger that the index process reads: each row carries the transaction that wrote it."""

from django.db import migrations

FORWARD = """
ALTER TABLE contacts_membership ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON contacts_membership
    FOR EACH ROW EXECUTE FUNCTION safeguards_stamp();
CREATE INDEX membership_xid ON contacts_membership (xid);
"""

BACKWARD = """
DROP TRIGGER stamp ON contacts_membership;
ALTER TABLE contacts_membership DROP COLUMN xid;
"""


class Migration(migrations.Migration):
    dependencies = [("contacts", "0005_lists"), ("safeguards", "0002_ledgers_and_append_only")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
