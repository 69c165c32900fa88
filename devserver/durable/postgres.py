"""The database for several processes: PostgreSQL."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, ClassVar, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import DictRow, dict_row

from devserver.durable.database import Database
from devserver.durable.lanes import Door, Job, Session
from devserver.durable.sql import Dialect
from devserver.errors import DatabaseGone

log = logging.getLogger(__name__)

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
SETTINGS: Final = """SET plan_cache_mode = force_custom_plan; SET idle_in_transaction_session_timeout = '3s';
    SET client_min_messages = warning"""
EPOCH_NOW: Final = """CREATE OR REPLACE FUNCTION epoch_now() RETURNS DOUBLE PRECISION LANGUAGE sql VOLATILE AS
    'SELECT extract(epoch FROM clock_timestamp())::double precision'"""
TABLES_LOCK: Final = 0x746F6E65  # of those who make the tables at the same time, one does
NOTIFY: Final = "SELECT pg_notify($1, $2)"
TOPIC: Final = "tonewright_"
PAUSE_S: Final = 0.5  # before a connection that was lost is tried again
LOOK_S: Final = 0.5  # who listens looks for himself as often as this, so that nothing rests on having heard


class PostgresSession(Session):
    def __init__(self, connection: psycopg.Connection[DictRow], gone: Callable[[str], DatabaseGone]) -> None:
        self.dialect = PostgresDatabase.dialect
        self._connection, self._gone = connection, gone

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> psycopg.Cursor[DictRow]:
        try:
            return self._connection.execute(sql, values or None)
        except psycopg.Error as e:
            if self.lost or isinstance(e, psycopg.OperationalError):
                raise self._gone(_reason(e)) from e
            raise

    def notify(self, topic: str, text: str = "", /) -> None:
        self.execute(NOTIFY, (TOPIC + topic, text))

    @property
    def lost(self) -> bool:
        return self._connection.closed

    def begin(self, _job: Job[Any]) -> None:
        self.execute("BEGIN")

    def commit(self) -> None:
        self.execute("COMMIT")

    def roll_back(self) -> None:
        with suppress(psycopg.Error):  # a connection that is lost has nothing to undo
            self._connection.execute("ROLLBACK")

    def close(self) -> None:
        self._connection.close()


class PostgresDatabase(Database):
    """PostgreSQL; a connection that was lost is opened again with the next call."""

    shared: ClassVar = True
    dialect: ClassVar = Dialect(
        "postgres",
        " FOR UPDATE",
        " SKIP LOCKED",
        " FOR SHARE",
        "SELECT 1 AS found WHERE to_regclass($1) IS NOT NULL",
        (f"SELECT pg_advisory_xact_lock({TABLES_LOCK})", EPOCH_NOW),
    )

    def __init__(self, url: str) -> None:
        try:
            given = conninfo_to_dict(url)
            self._address = make_conninfo("", **{**ADDRESS_DEFAULTS, **given})
        except psycopg.ProgrammingError as e:
            raise DatabaseGone("database_url is no address that PostgreSQL reads: postgresql://user@host/name") from e
        # Without the password: this is said in messages.
        self.name = f"postgresql://{given.get('host', '')}:{given.get('port', 5432)}/{given.get('dbname', '')}"
        super().__init__()
        self._open()

    def door(self) -> Door:
        return Door(self._connect)

    def _connect(self) -> PostgresSession:
        made: psycopg.Connection[DictRow]
        try:
            made = psycopg.connect(
                self._address, autocommit=True, row_factory=dict_row, cursor_factory=psycopg.RawCursor[DictRow]
            )
            made.execute(SETTINGS)
        except psycopg.Error as e:
            raise self.gone(_reason(e)) from e
        return PostgresSession(made, self.gone)

    async def tell(self, topic: str, text: str) -> None:
        await self.read(lambda tx: tx.notify(topic, text))

    async def listen(self, topics: Sequence[str], heard: Callable[[str, str], None]) -> _Listening:
        listening = _Listening(self._address, topics, heard)
        try:
            await listening.connect()
        except psycopg.Error as e:
            raise self.gone(_reason(e)) from e
        listening.start()
        return listening


class _Listening:
    """A connection on the loop, on which is heard what any process tells; it is opened again where it was lost."""

    def __init__(self, address: str, topics: Sequence[str], heard: Callable[[str, str], None]) -> None:
        self._address, self._topics, self._heard = address, topics, heard

    async def connect(self) -> None:
        self._connection = await psycopg.AsyncConnection.connect(self._address, autocommit=True)
        for topic in self._topics:
            await self._connection.execute(f'LISTEN "{TOPIC}{topic}"')

    def start(self) -> None:
        self._task = asyncio.create_task(self._hear_on())

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.wait({self._task})
        await self._connection.close()

    async def _hear_on(self) -> None:
        looked = 0.0
        while True:
            try:
                received = [note async for note in self._connection.notifies(timeout=LOOK_S, stop_after=1)]
            except psycopg.Error as e:
                log.warning("nothing is heard of other processes: %s", _reason(e))
                await self._connect_again()
                continue
            if time.monotonic() - looked >= LOOK_S:
                looked = time.monotonic()
                self._heard("", "")
            for channel, text in dict.fromkeys((note.channel, note.payload) for note in received):
                self._heard(channel.removeprefix(TOPIC), text)

    async def _connect_again(self) -> None:
        await self._connection.close()
        while True:
            await asyncio.sleep(PAUSE_S)
            with suppress(psycopg.Error):
                await self.connect()
                log.warning("other processes are heard again")
                return


def _reason(error: psycopg.Error) -> str:
    return " ".join(str(error).split())
