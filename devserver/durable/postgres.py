"""The database for several processes: PostgreSQL, one writing connection behind one lock, reading ones as needed."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, ClassVar, Final, cast

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import DictRow, dict_row

from devserver.durable.database import Database, Listening, Row, Transaction, table_files
from devserver.errors import DatabaseGone, OldJournal

log = logging.getLogger(__name__)

Connection = psycopg.Connection[DictRow]

# A server that vanished is noticed within seconds; a plan made on a nearly empty table is never kept.
# A process that is frozen in the middle of a transaction lets go of its rows before its runs are taken over.
ADDRESS_DEFAULTS: Final = {
    "application_name": "tonewright",
    "connect_timeout": "5",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}
SESSION: Final = (
    "SET plan_cache_mode = force_custom_plan",
    "SET idle_in_transaction_session_timeout = '3s'",
    "SET client_min_messages = warning",
)
EPOCH_NOW: Final = """CREATE OR REPLACE FUNCTION epoch_now() RETURNS DOUBLE PRECISION LANGUAGE sql VOLATILE AS
    'SELECT extract(epoch FROM clock_timestamp())::double precision'"""
TOPIC: Final = "tonewright_"
WAIT_S: Final = 0.5
SILENT_S: Final = 1.0
LOOK_S: Final = 0.5  # who listens looks for himself as often as this, so that nothing rests on having heard
TABLES_LOCK: Final = 0x746F6E65  # of those who make the tables at the same time, one does


@lru_cache(maxsize=512)
def translated(sql: str) -> str:
    """The statement with psycopg's placeholders."""
    return sql.replace("%", "%%").replace("?", "%s")


class _Answers:
    """Knows since when each thread that asks the database has been waiting for its answer."""

    def __init__(self) -> None:
        self._since: dict[int, float] = {}

    @contextmanager
    def awaited(self) -> Iterator[None]:
        """Around whatever waits for the database; a thread does one such thing at a time."""
        thread = threading.get_ident()
        self._since[thread] = time.monotonic()
        try:
            yield
        finally:
            self._since.pop(thread, None)

    def missing_s(self) -> float:
        """Return for how long the oldest answer has been missing; 0.0 where none is."""
        now = time.monotonic()
        return now - min(list(self._since.values()), default=now)


class _Session:
    """One connection, and the statements of whoever has it."""

    def __init__(self, connection: Connection, answers: _Answers) -> None:
        self.connection, self._answers = connection, answers

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> psycopg.Cursor[DictRow]:
        with self._answers.awaited():
            return self.connection.execute(translated(sql), values)


class PostgresDatabase(Database):
    """PostgreSQL; a connection that was lost is opened again with the next transaction.

    Raises:
        DatabaseGone: from every method, where the database does not answer.
    """

    shared: ClassVar = True

    def __init__(self, url: str) -> None:
        super().__init__()
        try:
            given = conninfo_to_dict(url)
            self._address = make_conninfo("", **{**ADDRESS_DEFAULTS, **given})
        except psycopg.ProgrammingError as e:
            raise DatabaseGone("database_url is no address that PostgreSQL reads: postgresql://user@host/name") from e
        # Without the password: this is said in messages.
        self.name = f"postgresql://{given.get('host', '')}:{given.get('port', 5432)}/{given.get('dbname', '')}"
        self._closed = False
        self._idle: deque[Connection] = deque()
        self._answers = _Answers()
        self._session = _Session(self.open(), self._answers)
        try:
            self._make_tables()
        except BaseException:  # whoever gets no database cannot close it
            self.close()
            raise

    def open(self) -> Connection:
        """A connection of one's own, which its owner closes."""
        try:
            with self._answers.awaited():
                connection = psycopg.connect(self._address, autocommit=True, row_factory=dict_row)
                for setting in SESSION:
                    connection.execute(setting)
        except psycopg.Error as e:
            raise self._gone(e) from e
        return connection

    def silence(self) -> str:
        seconds = self._answers.missing_s()
        return f"the database {self.name} has not answered for {seconds:.0f} s" if seconds > SILENT_S else ""

    def _gone(self, error: psycopg.Error) -> DatabaseGone:
        reason = " ".join(str(error).split())
        return DatabaseGone(f"The database {self.name} does not answer: {reason}. The next call asks it again.")

    def _make_tables(self) -> None:
        """Apply the files of `tables/` that this journal has not seen yet, in the order of their numbers."""
        connection = self._session.connection
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (TABLES_LOCK,))
            connection.execute(EPOCH_NOW)
            connection.execute("CREATE TABLE IF NOT EXISTS applied_tables (number INTEGER PRIMARY KEY)")
            applied = {row["number"] for row in connection.execute("SELECT number FROM applied_tables")}
            there = connection.execute("SELECT to_regclass('runs') AS runs").fetchone()
            if there is not None and there["runs"] is not None and not applied:
                raise OldJournal(self.name)
            for number, file in table_files("postgres"):
                if number not in applied:
                    connection.execute(file.read_text("utf8"))
                    connection.execute("INSERT INTO applied_tables (number) VALUES (%s)", (number,))

    def close(self) -> None:
        with self.lock:
            self._closed = True
            self._session.connection.close()
            while self._idle:
                self._idle.pop().close()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        with self.lock:
            try:
                self._begin()
                yield self._session
                self._session.execute("COMMIT")
            except psycopg.Error as e:
                self._roll_back()
                if self._session.connection.broken or isinstance(e, psycopg.OperationalError):
                    raise self._gone(e) from e
                raise
            except BaseException:  # whatever ends the block, half of it must not stay
                self._roll_back()
                raise

    def _begin(self) -> None:
        """Begin, on a new connection where the old one was lost while nobody used it."""
        try:
            self._session.execute("BEGIN")
        except (psycopg.OperationalError, psycopg.InterfaceError):
            if self._closed or not self._session.connection.closed:
                raise
            self._session = _Session(self.open(), self._answers)
            log.warning("the connection to the database was lost; there is a new one to %s", self.name)
            self._session.execute("BEGIN")

    def _roll_back(self) -> None:
        if not self._session.connection.closed:
            self._session.connection.execute("ROLLBACK")

    def at_once(self, sql: str, *values: Any) -> list[Row]:
        return self.rows(sql, *values)

    def rows(self, sql: str, *values: Any) -> list[Row]:
        statement = translated(sql)
        while True:
            try:
                connection, fresh = self._idle.pop(), False
            except IndexError:
                connection, fresh = self.open(), True
            try:
                with self._answers.awaited():
                    found = connection.execute(statement, values).fetchall()
            except (psycopg.OperationalError, psycopg.InterfaceError) as e:
                if not connection.closed:
                    self._idle.append(connection)
                elif not fresh:
                    continue  # it was lost while it lay idle, and others may have been
                raise self._gone(e) from e
            except psycopg.Error:
                self._idle.append(connection)
                raise
            self._give_back(connection)
            return cast(list[Row], found)

    def _give_back(self, connection: Connection) -> None:
        self._idle.append(connection)
        if self._closed:
            self.close()

    def notify(self, db: Transaction, topic: str, text: str = "") -> None:
        db.execute("SELECT pg_notify(?, ?)", (TOPIC + topic, text))

    def tell(self, topic: str, text: str) -> None:
        self.rows("SELECT pg_notify(?, ?)", TOPIC + topic, text)

    def listen(self, topics: Sequence[str], heard: Callable[[str, str], None]) -> Listening:
        return _Listening(self.open, topics, heard)


class _Listening:
    """A thread with a connection of its own, on which it hears what any process tells."""

    def __init__(
        self, connect: Callable[[], Connection], topics: Sequence[str], heard: Callable[[str, str], None]
    ) -> None:
        self._connect, self._topics, self._heard = connect, topics, heard
        self._stop = threading.Event()
        self._connection = self._listen()
        self._thread = threading.Thread(target=self._hear_on, name="listening", daemon=True)
        self._thread.start()

    def _listen(self) -> Connection:
        connection = self._connect()
        for topic in self._topics:
            connection.execute(f'LISTEN "{TOPIC}{topic}"')
        return connection

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._connection.close()

    def _hear_on(self) -> None:
        looked = 0.0
        while not self._stop.is_set():
            try:
                told = list(self._connection.notifies(timeout=WAIT_S, stop_after=1))
                if time.monotonic() - looked >= LOOK_S:
                    looked = time.monotonic()
                    self._heard("", "")
                for channel, text in dict.fromkeys((one.channel, one.payload) for one in told):
                    self._heard(channel.removeprefix(TOPIC), text)
            except (psycopg.Error, DatabaseGone) as e:
                log.warning("nothing is heard of other processes: %s", e)
                self._connect_again()

    def _connect_again(self) -> None:
        self._connection.close()
        while not self._stop.wait(WAIT_S):
            try:
                self._connection = self._listen()
            except (psycopg.Error, DatabaseGone):
                continue
            log.warning("other processes are heard again")
            return
