"""Reading what is new in a table without losing a row that commits late.

Each ledger table has a column `xid` (xid8) that a trigger sets to the writing transaction. A reader's watermark is the oldest
transaction that was still running when it read (`pg_snapshot_xmin`): everything below it has been seen, everything at or above
it is read again. A watermark of "the greatest id seen" skips rows of transactions that were still open.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from psycopg import sql


@dataclass(frozen=True, slots=True)
class News:
    """Rows written since the watermark, and the watermark to come back with. Rows may come again: apply them by id."""

    rows: list[tuple[Any, ...]]
    watermark: int
    complete: bool


def since(table: str, watermark: int, columns: Sequence[str], *, limit: int = 5000) -> News:
    """Rows of `table` whose transaction is at or above `watermark`, oldest first, at most about `limit`.

    `complete` is false where there may be more; then the new watermark is at most the last row's transaction, whose rows are
    read again. The watermark of an incomplete answer is always above the one given: where `limit` rows don't reach that far,
    more are read.
    """
    query = sql.SQL(
        "SELECT s.xmin, t.* FROM (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS xmin) s"
        " LEFT JOIN LATERAL (SELECT xid::text::bigint AS xid, {columns} FROM {table}"
        " WHERE xid >= %s::text::xid8 ORDER BY xid LIMIT %s) t ON true"
    ).format(columns=sql.SQL(", ").join(map(sql.Identifier, columns)), table=sql.Identifier(table))
    with connection.cursor() as cursor:
        cursor.execute(query, [str(watermark), limit])
        found = cursor.fetchall()
    xmin = int(found[0][0])
    rows = [row for row in found if row[1] is not None]
    complete = len(rows) < limit
    if not complete:
        xmin = min(xmin, int(rows[-1][1]))
        if xmin <= watermark:
            # One large transaction, or more rows than the limit above one that is still open: the same page would be read
            # for ever, so a larger one is.
            return since(table, watermark, columns, limit=limit * 4)
    return News(rows=[row[2:] for row in rows], watermark=xmin, complete=complete)
