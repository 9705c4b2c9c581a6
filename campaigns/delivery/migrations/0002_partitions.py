"""Messages by range of mailing, attempts and events by month; and the two functions by which the application, which may not
create tables, has the next partition made by the owner.

Each table has a default partition, so that no row is ever refused for want of one.
"""

from django.db import migrations

FORWARD = """
CREATE SEQUENCE delivery_message_id_seq;
CREATE TABLE delivery_message (
    mailing_id bigint NOT NULL,
    id bigint NOT NULL DEFAULT nextval('delivery_message_id_seq'),
    occurrence bigint NOT NULL,
    contact_id bigint,
    address_hash bytea NOT NULL,
    person_key bytea NOT NULL,
    state varchar(10) NOT NULL,
    source_id bigint NOT NULL,
    provider_id bigint NOT NULL,
    due timestamptz NOT NULL,
    first_due timestamptz NOT NULL,
    lease_until timestamptz,
    lease_token bigint,
    attempts smallint NOT NULL DEFAULT 0,
    reason varchar(40) NOT NULL DEFAULT '',
    tracked boolean NOT NULL DEFAULT false,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (mailing_id, id),
    UNIQUE (mailing_id, occurrence)
) PARTITION BY RANGE (mailing_id);
CREATE INDEX delivery_message_queued ON delivery_message (source_id, provider_id, due, id) WHERE state = 'queued';
CREATE INDEX delivery_message_leased ON delivery_message (lease_until) WHERE state IN ('claimed', 'attempting');
CREATE INDEX delivery_message_state ON delivery_message (mailing_id, state);
CREATE INDEX delivery_message_contact ON delivery_message (contact_id);
CREATE TABLE delivery_message_rest PARTITION OF delivery_message DEFAULT WITH (fillfactor = 70);

CREATE TABLE delivery_attempt (
    id bigint GENERATED ALWAYS AS IDENTITY,
    at timestamptz NOT NULL,
    mailing_id bigint,
    message_id bigint,
    notice_id uuid,
    kind varchar(16) NOT NULL,
    source_address inet,
    mx_host varchar(253) NOT NULL DEFAULT '',
    mx_address inet,
    tls_version varchar(16) NOT NULL DEFAULT '',
    tls_cipher varchar(60) NOT NULL DEFAULT '',
    tls_verified boolean NOT NULL DEFAULT false,
    code smallint,
    enhanced varchar(12) NOT NULL DEFAULT '',
    reply varchar(500) NOT NULL DEFAULT '',
    PRIMARY KEY (at, id)
) PARTITION BY RANGE (at);
CREATE INDEX delivery_attempt_message ON delivery_attempt (mailing_id, message_id);
CREATE TABLE delivery_attempt_rest PARTITION OF delivery_attempt DEFAULT;

CREATE TABLE delivery_message_event (
    id bigint GENERATED ALWAYS AS IDENTITY,
    at timestamptz NOT NULL,
    mailing_id bigint NOT NULL,
    message_id bigint,
    kind varchar(10) NOT NULL,
    link_number smallint,
    network varchar(45) NOT NULL DEFAULT '',
    PRIMARY KEY (at, id)
) PARTITION BY RANGE (at);
CREATE INDEX delivery_message_event_mailing ON delivery_message_event (mailing_id, kind, message_id);
CREATE TABLE delivery_message_event_rest PARTITION OF delivery_message_event DEFAULT;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON delivery_attempt
    FOR EACH STATEMENT EXECUTE FUNCTION safeguards_refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON delivery_message_event
    FOR EACH STATEMENT EXECUTE FUNCTION safeguards_refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON delivery_approval
    FOR EACH STATEMENT EXECUTE FUNCTION safeguards_refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON designs_version
    FOR EACH STATEMENT EXECUTE FUNCTION safeguards_refuse_change();

-- A hundred mailings share a partition. Runs as the owner; takes a number and nothing else.
CREATE FUNCTION delivery_make_message_partition(mailing bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    first bigint := (mailing / 100) * 100;
    name text := format('delivery_message_%s', first);
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext(name));
    IF to_regclass(name) IS NULL THEN
        EXECUTE format('CREATE TABLE %I PARTITION OF delivery_message FOR VALUES FROM (%s) TO (%s) WITH (fillfactor = 70)',
                       name, first, first + 100);
    END IF;
END $$;

-- The month's partitions of attempts and events. Runs as the owner; takes a date and nothing else.
CREATE FUNCTION delivery_make_month_partitions(day date) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    first date := date_trunc('month', day)::date;
    parent text;
    name text;
BEGIN
    FOREACH parent IN ARRAY ARRAY['delivery_attempt', 'delivery_message_event'] LOOP
        name := format('%s_%s', parent, to_char(first, 'YYYY_MM'));
        PERFORM pg_advisory_xact_lock(hashtext(name));
        IF to_regclass(name) IS NULL THEN
            EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                           name, parent, first::timestamp AT TIME ZONE 'UTC',
                           (first + interval '1 month')::timestamp AT TIME ZONE 'UTC');
        END IF;
    END LOOP;
END $$;
REVOKE ALL ON FUNCTION delivery_make_message_partition(bigint) FROM PUBLIC;
REVOKE ALL ON FUNCTION delivery_make_month_partitions(date) FROM PUBLIC;
"""

BACKWARD = """
DROP FUNCTION delivery_make_month_partitions(date);
DROP FUNCTION delivery_make_message_partition(bigint);
DROP TRIGGER append_only ON designs_version;
DROP TRIGGER append_only ON delivery_approval;
DROP TABLE delivery_message_event;
DROP TABLE delivery_attempt;
DROP TABLE delivery_message;
DROP SEQUENCE delivery_message_id_seq;
"""


class Migration(migrations.Migration):
    dependencies = [("delivery", "0001_initial"), ("safeguards", "0002_ledgers_and_append_only")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
