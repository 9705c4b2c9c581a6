"""Attempts and events are append-only in each partition too.

A trigger for statements stands on the table that a statement names: the one on the parent says nothing to whoever names a
partition, and the application's role has the rights on partitions that it has on every new table.
"""

from django.db import migrations

FUNCTION = """
CREATE OR REPLACE FUNCTION delivery_make_month_partitions(day date) RETURNS void
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
                           (first + interval '1 month')::timestamp AT TIME ZONE 'UTC');{more}
        END IF;
    END LOOP;
END $$;
"""
CLOSE = """
            EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %I'
                           ' FOR EACH STATEMENT EXECUTE FUNCTION safeguards_refuse_change()', name);"""
EACH_PARTITION = """
DO $$
DECLARE
    part regclass;
BEGIN
    FOR part IN SELECT inhrelid FROM pg_inherits
        WHERE inhparent IN ('delivery_attempt'::regclass, 'delivery_message_event'::regclass) LOOP
        EXECUTE format('{statement}', part);
    END LOOP;
END $$;
"""
TRIGGER = (
    "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %s"
    " FOR EACH STATEMENT EXECUTE FUNCTION safeguards_refuse_change()"
)

FORWARD = FUNCTION.replace("{more}", CLOSE) + EACH_PARTITION.replace("{statement}", TRIGGER)
BACKWARD = EACH_PARTITION.replace("{statement}", "DROP TRIGGER append_only ON %s") + FUNCTION.replace(
    "{more}", ""
)


class Migration(migrations.Migration):
    dependencies = [("delivery", "0003_providers")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
