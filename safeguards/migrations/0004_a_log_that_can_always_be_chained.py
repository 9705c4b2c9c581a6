"""What the application may insert into the log is narrowed to what the chain can go on from.

A link stands directly behind the one before it and names its hash: nobody who has the application's role can leave a gap, begin a
second chain, or block the chainer with a sequence far ahead. An event's time lies in our calendar and its details are an object:
one row that can't be read would stop the chain for all that follow.
"""

from django.db import migrations

FORWARD = """
CREATE FUNCTION safeguards_link_follows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM added a LEFT JOIN safeguards_audit_link b ON b.sequence = a.sequence - 1
        WHERE a.sequence <> 1 AND b.hash IS DISTINCT FROM a.previous
    ) OR EXISTS (SELECT FROM added WHERE sequence < 1) OR EXISTS (
        SELECT FROM added WHERE sequence = 1
        AND previous <> decode('%(genesis)s', 'hex')
    ) THEN
        RAISE EXCEPTION 'a link must follow the last one' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER follows AFTER INSERT ON safeguards_audit_link
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION safeguards_link_follows();

ALTER TABLE safeguards_audit_event
    ADD CONSTRAINT audit_event_in_our_calendar CHECK (at >= '2020-01-01Z' AND at < '2200-01-01Z'),
    ADD CONSTRAINT audit_event_details_object CHECK (jsonb_typeof(details) = 'object');
"""

BACKWARD = """
ALTER TABLE safeguards_audit_event
    DROP CONSTRAINT audit_event_details_object,
    DROP CONSTRAINT audit_event_in_our_calendar;
DROP TRIGGER follows ON safeguards_audit_link;
DROP FUNCTION safeguards_link_follows();
"""
# SHA-256 of "wellsent audit chain".
GENESIS = "4d1b299fed3d00dcaf869449b0c624bf91295c37a042b388282ac20fca6217c0"


class Migration(migrations.Migration):
    dependencies = [("safeguards", "0003_events_of_people")]

    operations = [migrations.RunSQL(FORWARD % {"genesis": GENESIS}, BACKWARD)]
