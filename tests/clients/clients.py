"""Asks a running demo with the clients that departments have. Arguments: its demo.json, and names of cases (all if none).

Each case is a function `case_NAME`; one that raises has failed. A client that is not installed is a failure, never a skip.
"""

import asyncio
import datetime
import json
import os
import re
import subprocess
import sys
import tempfile
import traceback

FILE = json.load(open(sys.argv[1], encoding="utf-8"))
HOST, PORT = FILE["pg"].rsplit(":", 1)
ROLE = "police_officer"
TOKEN = FILE["tokens"][ROLE]
DSN = f"host={HOST} port={PORT} user={ROLE} password={TOKEN} dbname=datong"
URL = f"{ROLE}:{TOKEN}@{HOST}:{PORT}/datong"
QUERY = "SELECT person_id, name, id_no, birth_date, updated_at FROM unified.person ORDER BY person_id LIMIT 200"


def expected():
    """The answer over REST: person_id and id_no."""
    import urllib.request

    request = urllib.request.Request(
        FILE["rest"] + "/api/v1/sql",
        data=QUERY.encode(),
        headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "text/plain"},
    )
    rows = json.load(urllib.request.urlopen(request))["rows"]
    return [(row["person_id"], row["id_no"]) for row in rows]


EXPECTED = expected()
assert len(EXPECTED) == 200 and all("*" in number for _, number in EXPECTED if number), "masked numbers"


def psql(*commands):
    arguments = ["psql", "-X", "-v", "ON_ERROR_STOP=1", DSN]
    for command in commands:
        arguments += ["-c", command]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def case_psql():
    assert "unified" in psql("\\dn")
    assert re.search(r"unified\s*\|\s*person\s*\|\s*table", psql("\\dt unified.*"))
    described = psql("\\d unified.person")
    assert re.search(r"birth_date\s*\|\s*date", described), described
    with_comments = psql("\\d+ unified.person")
    assert "脱敏" in with_comments and "出生日期" in with_comments, with_comments
    assert "datong" in psql("\\l") and "demo-police_officer" in psql("\\du")
    copied = psql(f"\\copy ({QUERY}) to stdout csv header")
    assert copied.splitlines()[0].startswith("person_id,name") and len(copied.splitlines()) == 201
    fetched = psql("\\set FETCH_COUNT 7", QUERY)
    assert "(200 rows)" in fetched or fetched.count("\n") > 200
    assert re.search(r"unified\s*\|\s*person\s*\|\s*table", psql("\\dp unified.*"))
    assert re.search(r"person\s*\|\s*table.*0 bytes.*人", psql("\\dt+ unified.*"))
    no_function = subprocess.run(["psql", "-X", DSN, "-c", "\\sf version"], capture_output=True, text=True, timeout=60)
    assert "函数不存在" in no_function.stderr, no_function.stderr
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "persons.csv")
        assert "COPY 200" in psql(f"\\copy ({QUERY}) to '{file}' csv")
        assert len(open(file, encoding="utf-8").read().splitlines()) == 200
    psql("begin", "declare c cursor for select 1", "fetch all from c", "commit")


def case_psycopg():
    import psycopg

    with psycopg.connect(DSN) as connection:
        notices = []
        connection.add_notice_handler(lambda notice: notices.append(notice.message_primary))
        rows = connection.execute(QUERY).fetchall()
        assert [(row[0], row[2]) for row in rows] == EXPECTED
        assert isinstance(rows[0][4], datetime.datetime) and rows[0][4].tzinfo is not None
        assert any("脱敏" in notice for notice in notices), notices
        one = connection.execute("SELECT count(*) FROM unified.person WHERE sex = %s AND birth_date < %s",
                                 ("2", datetime.date(1980, 1, 1))).fetchone()
        assert one[0] > 0
        binary = connection.cursor(binary=True).execute(QUERY).fetchall()
        assert binary == rows
        found = connection.execute("SELECT count(*) FROM unified.person WHERE person_id = ANY(%s)",
                                   ([row[0] for row in rows[:9]],)).fetchone()
        assert found[0] == 9, found
        with connection.cursor(name="c") as cursor:
            cursor.itersize = 50
            assert [row[0] for row in cursor.execute(QUERY)] == [row[0] for row in rows]
        with connection.cursor().copy(f"COPY ({QUERY}) TO STDOUT") as copy:
            assert sum(1 for _ in copy.rows()) == 200
        try:
            connection.execute("DELETE FROM unified.person")
            raise AssertionError("answered")
        except psycopg.errors.InsufficientPrivilege:
            connection.rollback()


def case_asyncpg():
    import asyncpg

    async def run():
        connection = await asyncpg.connect(host=HOST, port=int(PORT), user=ROLE, password=TOKEN, database="datong")
        rows = await connection.fetch(QUERY)
        assert [(row["person_id"], row["id_no"]) for row in rows] == EXPECTED
        count = await connection.fetchval("SELECT count(*) FROM unified.person WHERE birth_date < $1",
                                          datetime.date(1980, 1, 1))
        assert count > 0
        async with connection.transaction():
            fetched = [row async for row in connection.cursor(QUERY, prefetch=33)]
        assert len(fetched) == 200
        await connection.close()

    asyncio.run(run())


def case_sqlalchemy():
    import sqlalchemy

    for driver in ("psycopg", "psycopg2"):
        engine = sqlalchemy.create_engine(f"postgresql+{driver}://{URL}")
        inspector = sqlalchemy.inspect(engine)
        assert "unified" in inspector.get_schema_names()
        assert "person" in inspector.get_table_names(schema="unified")
        columns = {column["name"]: column for column in inspector.get_columns("person", schema="unified")}
        assert isinstance(columns["birth_date"]["type"], sqlalchemy.Date), columns["birth_date"]
        assert "脱敏" in columns["id_no"]["comment"], columns["id_no"]
        assert "人" in inspector.get_table_comment("person", schema="unified")["text"]
        for keys in ("get_pk_constraint", "get_foreign_keys", "get_indexes", "get_unique_constraints"):
            assert getattr(inspector, keys)("person", schema="unified") is not None
        table = sqlalchemy.Table("person", sqlalchemy.MetaData(), schema="unified", autoload_with=engine)
        with engine.connect() as connection:
            women = sqlalchemy.select(sqlalchemy.func.count()).select_from(table).where(table.c.sex == "2")
            assert connection.execute(women).scalar() > 0


def case_pandas():
    import pandas
    import sqlalchemy

    engine = sqlalchemy.create_engine(f"postgresql+psycopg://{URL}")
    frame = pandas.read_sql(QUERY, engine)
    numbers = [None if pandas.isna(number) else number for number in frame.id_no]
    assert list(zip(frame.person_id, numbers)) == EXPECTED


def case_polars():
    import polars

    frame = polars.read_database_uri(QUERY, f"postgresql://{URL}")
    assert list(zip(frame["person_id"], frame["id_no"])) == EXPECTED
    assert frame.schema["birth_date"] == polars.Date, frame.schema


def case_adbc_postgresql():
    import adbc_driver_postgresql.dbapi as adbc

    with adbc.connect(f"postgresql://{URL}") as connection, connection.cursor() as cursor:
        cursor.execute(QUERY)
        table = cursor.fetch_arrow_table()
        assert list(zip(table["person_id"].to_pylist(), table["id_no"].to_pylist())) == EXPECTED


def case_adbc_flight_sql():
    import adbc_driver_flightsql.dbapi as adbc

    options = {"adbc.flight.sql.authorization_header": f"Bearer {TOKEN}"}
    with adbc.connect(FILE["flight"].replace("grpc://", "grpc+tcp://"), db_kwargs=options, autocommit=True) as connection:
        with connection.cursor() as cursor:
            cursor.execute(QUERY)
            table = cursor.fetch_arrow_table()
            assert list(zip(table["person_id"].to_pylist(), table["id_no"].to_pylist())) == EXPECTED
            assert table.schema.field("id_no").metadata[b"datong.mask"]
            cursor.execute("SELECT count(*) AS n FROM unified.person WHERE sex = ?", ("2",))
            assert cursor.fetch_arrow_table()["n"][0].as_py() > 0
        objects = connection.adbc_get_objects(depth="tables").read_all().to_pylist()
        assert "person" in json.dumps(objects, default=str)
    with_password = {"username": "whoever", "password": TOKEN}
    with adbc.connect(FILE["flight"].replace("grpc://", "grpc+tcp://"), db_kwargs=with_password, autocommit=True) as connection:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 AS one")
            assert cursor.fetchone()[0] == 1


def case_psqlodbc():
    import pyodbc

    pyodbc.pooling = False
    for more in ("", ";UseServerSidePrepare=0", ";UseDeclareFetch=1;Fetch=50"):
        server = f"SERVER={HOST};PORT={PORT};UID={ROLE};PWD={TOKEN};DATABASE=datong{more}"
        connection = pyodbc.connect(f"DRIVER={{PostgreSQL Unicode}};{server}", autocommit=True, timeout=20)
        cursor = connection.cursor()
        rows = cursor.execute(QUERY).fetchall()
        assert [(row[0], row[2]) for row in rows] == EXPECTED, more
        assert isinstance(rows[0][3], (datetime.date, type(None))) and isinstance(rows[0][4], datetime.datetime)
        counted = "SELECT count(*) FROM unified.person WHERE sex = ? AND birth_date < ?"
        assert cursor.execute(counted, "2", datetime.date(1980, 1, 1)).fetchone()[0] > 0
        tables = [row.table_name for row in cursor.tables(schema="unified").fetchall()]
        assert "person" in tables, tables
        columns = {row.column_name: row.type_name for row in cursor.columns(table="person", schema="unified").fetchall()}
        assert columns["birth_date"] == "date", columns
        assert cursor.primaryKeys("person", schema="unified").fetchall() == []
        assert all(row.index_name is None for row in cursor.statistics("person", schema="unified").fetchall())
        assert len(cursor.getTypeInfo().fetchall()) > 10
        try:
            cursor.execute("DELETE FROM unified.person")
            raise AssertionError("answered")
        except pyodbc.Error as error:
            assert error.args[0] == "42501", error
        connection.close()


def case_node_postgres():
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "node_postgres.js")
    done = subprocess.run(["node", script, sys.argv[1], QUERY], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    expected = [list(row) for row in EXPECTED]
    assert told["simple"] == expected and told["fetched"] == expected
    women, men, again = told["prepared"]
    assert women == again > 0 and men > 0
    assert told["refused"] == "42501" and any("脱敏" in notice for notice in told["notices"])


def case_duckdb():
    import duckdb
    import duckdb_extension_postgres_scanner as extension

    # As a wheel: the registry of extensions is another one than that of the client.
    folder = os.path.join(os.path.dirname(extension.__file__), "extensions", f"v{duckdb.__version__}")
    connection = duckdb.connect()
    connection.execute(f"LOAD '{folder}/postgres_scanner.duckdb_extension'")
    # What it calls a row's place is something of tables on a disk, and it asks conditions on texts under a collation.
    connection.execute("SET pg_use_ctid_scan=false")
    connection.execute("SET pg_experimental_filter_pushdown=false")
    connection.execute(f"ATTACH '{DSN}' AS datong (TYPE postgres, READ_ONLY)")
    for setting in ("pg_use_text_protocol=false", "pg_use_text_protocol=true"):
        connection.execute(f"SET {setting}")
        rows = connection.execute("SELECT person_id, id_no FROM datong.unified.person ORDER BY person_id LIMIT 200").fetchall()
        assert rows == EXPECTED, setting
    statement = "SELECT count(*) AS n FROM unified.person WHERE sex = ''2''"
    asked = connection.execute(f"SELECT n FROM postgres_query('datong', '{statement}')").fetchone()
    joined = connection.execute("SELECT count(*) FROM datong.unified.person WHERE sex = '2'").fetchone()
    assert asked == joined and asked[0] > 0


def main():
    cases = {name[5:]: case for name, case in globals().items() if name.startswith("case_")}
    wanted = sys.argv[2:] or list(cases)
    failed = []
    for name in wanted:
        try:
            cases[name]()
            print(f"{name}: ok", flush=True)
        except Exception:
            failed.append(name)
            print(f"{name}: FAILED\n{traceback.format_exc()}", flush=True)
    sys.exit(f"{len(failed)} of {len(wanted)} clients failed: {', '.join(failed)}" if failed else 0)


main()
