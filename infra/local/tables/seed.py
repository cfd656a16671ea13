#!/usr/bin/env python3
"""Make empty.sqlite.gz: an empty database of the engine, with an order and an end to its
stream records. Run it again for each new version of the engine:

  python3 infra/local/tables/seed.py path/to/dynoxide
"""
import gzip
import pathlib
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time

# The engine asks for the highest number of a table's stream at each write, and for those
# above a number at each read; without this it looks through all records of all tables.
ORDER = """CREATE INDEX rapport_stream_order
ON _stream_records (table_name, CAST(sequence_number AS INTEGER))"""
# It never forgets a record; DynamoDB does after 24 hours. The newest 10,000 stay, so that a
# reader that was away finds them, and a table's newest always, since numbering goes on from it.
AGE = "CREATE INDEX rapport_stream_age ON _stream_records (table_name, created_at)"
TRIM = """CREATE TRIGGER rapport_stream_trim AFTER INSERT ON _stream_records WHEN NEW.id % 256 = 0
BEGIN
  DELETE FROM _stream_records WHERE id IN (
    SELECT id FROM _stream_records
    WHERE table_name = NEW.table_name AND created_at < NEW.created_at - 86400 AND id < NEW.id - 10000
    ORDER BY created_at LIMIT 1024);
END"""


def check(path: pathlib.Path) -> None:
    """See on a copy that both statements of the engine use the index, and what is forgotten."""
    db = sqlite3.connect(path)
    for query in (
        "SELECT MAX(CAST(sequence_number AS INTEGER)) FROM _stream_records WHERE table_name = 'a'",
        "SELECT keys_json FROM _stream_records WHERE table_name = 'a' AND shard_id = 's' AND "
        "CAST(sequence_number AS INTEGER) > 5 ORDER BY CAST(sequence_number AS INTEGER) LIMIT 9",
    ):
        plan = str(list(db.execute("EXPLAIN QUERY PLAN " + query)))
        assert "rapport_stream_order" in plan and "TEMP B-TREE" not in plan, plan
    insert = "INSERT INTO _stream_records (table_name, event_name, keys_json, sequence_number, shard_id, created_at) VALUES (?, 'INSERT', '{}', ?, 's', ?)"
    now = 2_000_000_000
    db.executemany(insert, [("a", str(i), now - 90_000) for i in range(1, 3001)])
    db.executemany(insert, [("quiet", "1", now - 90_000)])
    db.executemany(insert, [("a", str(i), now) for i in range(3001, 15_001)])
    left = list(db.execute("SELECT table_name, MIN(CAST(sequence_number AS INTEGER)), COUNT(*) FROM _stream_records GROUP BY 1 ORDER BY 1"))
    assert left == [("a", 3001, 12_000), ("quiet", 1, 1)], left


def main() -> None:
    engine = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "tables.sqlite"
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        process = subprocess.Popen([engine, "serve", "--port", str(port), "--db-path", path])
        for _ in range(100):
            time.sleep(0.1)
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", port)) == 0:
                    break
        process.terminate()
        process.wait()
        db = sqlite3.connect(path, isolation_level=None)
        for statement in (ORDER, AGE, TRIM):
            db.execute(statement)
        db.execute("PRAGMA journal_mode = DELETE")
        db.execute("VACUUM")
        db.close()
        copy = path.with_name("copy.sqlite")
        copy.write_bytes(path.read_bytes())
        check(copy)
        target = pathlib.Path(__file__).with_name("empty.sqlite.gz")
        target.write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))
        print(f"{target}: {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
