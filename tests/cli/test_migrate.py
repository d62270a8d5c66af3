"""``migrate``, and what the commands say of an address that leads nowhere."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy.engine import make_url

from server.__main__ import cli
from server.store.postgres import place

from .. import databases
from ..store.test_roles import role_in


def run(url: str, *words: str) -> Result:
    return CliRunner().invoke(cli, list(words), env={"FOLKMOOT_DATABASE_URL": url})


def said(done: Result, code: int) -> str:
    """Return the one sentence that a command that failed said."""
    assert done.exit_code == code, (done.output, done.stderr)
    (line,) = done.stderr.strip().splitlines()
    return line


def test_a_database_is_made_once_and_opened_then() -> None:
    with databases.postgres(migrated=False) as url:
        for words in (("replay", "town"), ("export", "town", "--out", "out"), ("serve",)):
            told = said(run(url, *words), 1)
            assert told.endswith(
                "of an older version or empty: run the command migrate to bring it up."
            )
        assert run(url, "migrate").output == "The database is of this version now.\n"
        assert run(url, "migrate").output == "Nothing was to be done.\n"
        assert said(run(url, "replay", "town"), 1) == "Error: There is no such assembly."
        made = run(url, "assembly", "create", "town", "--title", "T", "--question", "Q")
        assert made.exit_code == 0
        assert "nothing differs" in run(url, "replay", "town").output


def test_what_was_there_before_is_left_and_said() -> None:
    with databases.postgres(migrated=False) as url:
        databases.admin("CREATE TABLE event (x int)", url)
        told = said(run(url, "migrate"), 1)
        assert "tables that this program didn't make" in told
        databases.admin("DROP TABLE event", url)
        databases.admin("CREATE TABLE alembic_version (version_num varchar(32))", url)
        databases.admin("INSERT INTO alembic_version VALUES ('later')", url)
        for words in (("migrate",), ("serve",), ("worker",), ("replay", "town")):
            told = said(run(url, *words), 1)
            assert place(make_url(url)) in told
            assert "has version later" in told


def test_a_file_that_is_something_else_is_said_to_be(tmp_path: Path) -> None:
    other = tmp_path / "letter.txt"
    other.write_text("Dear all, this is no database.\n" * 100)
    for words in (("serve",), ("replay", "town")):
        told = said(run(f"sqlite:///{other}", *words), 1)
        assert told == f"Error: The database at {other} isn't one: the file holds something else."
    assert other.read_text().startswith("Dear all")


def test_a_role_gets_what_servers_need(postgres_url: str) -> None:
    with role_in(postgres_url) as role:
        done = run(postgres_url, "migrate", "--grant", role)
        assert done.exit_code == 0, done.stderr
        assert done.output.splitlines() == [
            "Nothing was to be done.",
            f"{role} may do what servers and workers do, and nothing else.",
        ]
        assert "may change every log" in said(
            run(postgres_url, "migrate", "--grant", "postgres"), 1
        )
        assert "There is no role nobody" in said(
            run(postgres_url, "migrate", "--grant", "nobody"), 1
        )


def test_a_file_is_made_and_has_no_roles(tmp_path: object) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    assert run(url, "migrate").output == "The database is of this version now.\n"
    assert run(url, "migrate").output == "Nothing was to be done.\n"
    assert "has no roles" in said(run(url, "migrate", "--grant", "somebody"), 1)


@pytest.mark.parametrize("words", [("migrate",), ("replay", "town"), ("serve",)])
def test_an_address_that_leads_nowhere_is_one_sentence(words: tuple[str, ...]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    told = said(run(f"postgresql://me:hidden@127.0.0.1:{port}/town", *words), 1)
    assert told == f"Error: The database at 127.0.0.1:{port}/town can't be reached."
    for url in ("mysql://me:hidden@localhost/town", "postgresql://me:hidden@localhost", "hidden"):
        told = said(run(url, *words), 1)
        assert "The address of" in told
        assert "hidden" not in told


def test_a_database_that_is_not_there_says_what_to_do(postgres_url: str) -> None:
    told = said(run(databases.url_of("nowhere"), "migrate"), 1)
    assert told.startswith("Error: There is no database at ")
    assert told.endswith("/nowhere: create it there, then run the command migrate.")
