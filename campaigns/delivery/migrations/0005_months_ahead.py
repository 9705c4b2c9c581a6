"""The months' partitions are made ahead of their time; a month that has begun in the default partition stays there.

A partition can't be made for rows that the default one holds, and these ledgers allow no row to be moved: refusing would stop
every mailing of that month.
"""

from django.db import migrations

FUNCTION = """
CREATE OR REPLACE FUNCTION delivery_make_month_partitions(day date) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    first date := date_trunc('month', day)::date;
    since timestamptz := first::timestamp AT TIME ZONE 'UTC';
    until timestamptz := (first + interval '1 month')::timestamp AT TIME ZONE 'UTC';
    parent text;
    name text;
    begun boolean;
BEGIN
    FOREACH parent IN ARRAY ARRAY['delivery_attempt', 'delivery_message_event'] LOOP
        name := format('%s_%s', parent, to_char(first, 'YYYY_MM'));
        CONTINUE WHEN to_regclass(name) IS NOT NULL;
        PERFORM pg_advisory_xact_lock(hashtext(name));
        CONTINUE WHEN to_regclass(name) IS NOT NULL;
        EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I WHERE at >= %L AND at < %L)', parent || '_rest', since, until)
            INTO begun;
        CONTINUE WHEN begun;
        EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)', name, parent, since, until);
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %I'
                       ' FOR EACH STATEMENT EXECUTE FUNCTION safeguards_refuse_change()', name);
    END LOOP;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("delivery", "0004_append_only_partitions")]

    operations = [migrations.RunSQL(FUNCTION, migrations.RunSQL.noop)]
