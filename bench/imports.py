"""An import on one core: the sample's patients, multiplied, from the sealed file to contacts and evidence.

    python -m bench.imports [--rows 20000] [--profile FILE]

The floor is what no import can leave out: each row parsed, and its record sealed. Both count the processor time of this
process and come from the same run; the database is another process, whose share stands in the rate by wall time. The servers
are started for the run and removed after it, unless DATABASE_URL names others.
"""

import argparse
import cProfile
import csv
import io
import json
import os
import time
from datetime import date
from pathlib import Path

import django

from bench.compose import rate


def _file(rows: int) -> bytes:
    """The sample's rows again and again, each a person and an address of its own."""
    from marketing.demo import sample

    with sample.FILE.open(encoding="utf-8", newline="") as source:
        people = list(csv.DictReader(source))
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, fieldnames=list(people[0]))
    writer.writeheader()
    for number in range(rows):
        person = people[number % len(people)]
        writer.writerow(person | {"mrn": f"B{number}", "email": f"n{number}.{person['email']}"})
    return out.getvalue().encode()


def _floor(content: bytes) -> float:
    """Rows a second that are parsed and sealed, and nothing else."""
    from contacts.models import Contact
    from contacts.rules import mapping
    from contacts.rules.rows import Parsed, Topics, parse_row
    from safeguards import phi, tokens

    header, *rows = list(csv.reader(io.StringIO(content.decode())))[:2001]
    guessed = mapping.guess(header, rows[:20], has_header=True)
    topics = Topics.of({"clinic news": 1, "wellness programmes": 2, "new services": 3})

    def work(number: int) -> None:
        row = parse_row(
            rows[number % len(rows)],
            guessed,
            columns=len(header),
            topics=topics,
            today=date(2026, 11, 25),
            normalise=tokens.normalise,
        )
        assert isinstance(row, Parsed), row
        phi.seal(Contact, "record", number, row.record)

    return rate(work, 2.0)


def _measure(rows: int, profile: Path | None) -> dict[str, object]:
    from accounts import access
    from contacts import actions
    from contacts.models import Import
    from tests import cast

    cast.clinic()
    content = _file(rows)
    dana, importer = cast.actor(cast.dana()), access.system("importer")
    source = actions.upload_file(actor=dana, name="bench.csv", chunks=[content], size=len(content))
    actions.map_columns(
        actor=dana,
        import_id=source.pk,
        mapping={int(column): key for column, key in source.mapping.items()},
        has_header=True,
        first=tuple(next(csv.reader(io.StringIO(content[:10_000].decode())))),
    )
    actions.check_import(actor=importer, import_id=source.pk)
    actions.start_import(actor=dana, import_id=source.pk)
    floor = _floor(content)
    profiler = cProfile.Profile()
    if profile:
        profiler.enable()
    wall, start = time.perf_counter(), time.process_time()
    actions.run_import(actor=importer, import_id=source.pk)
    spent, wall = time.process_time() - start, time.perf_counter() - wall
    if profile:
        profiler.disable()
        profiler.dump_stats(profile)
    # Before and after, so that a machine that slows down in between is noticed in the figure.
    floor = (floor + _floor(content)) / 2
    done = Import.objects.get(pk=source.pk)
    assert (done.state, done.created) == ("done", rows), (done.state, done.created, done.rejected)
    return {
        "bench": "imports",
        "rows": rows,
        "cores": os.cpu_count(),
        "rows_per_second": round(rows / wall, 1),
        "rows_per_second_of_one_core": round(rows / spent, 1),
        "floor_per_second": round(floor, 1),
        "ratio_to_floor": round(rows / spent / floor, 3),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument(
        "--profile", type=Path, help="write cProfile's statistics here; the figures are worth nothing then"
    )
    options = parser.parse_args()
    from tests import ground

    try:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketing.settings")
        django.setup()
        from tests import databases

        databases.make_template()
        try:
            with databases.cloned(databases.TEMPLATE):
                figures = _measure(options.rows, options.profile)
        finally:
            databases.drop(databases.TEMPLATE)
    finally:
        ground.pytest_unconfigure()
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
