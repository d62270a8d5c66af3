"""The Polis files hold what people allowed, and our own reader takes them back."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.deliberation.vocabulary import Phase, Reason
from server.deliberation.votes import EMPTY
from server.intake.polis import read_export
from server.reports import bundle, polis
from server.reports.consent import Allowed
from server.reports.material import Material
from server.reports.pseudonyms import Pseudonyms, pseudonym_key

from .conftest import KEY
from .held import NO, Held, whole


def written(material: Material, folder: Path) -> Path:
    """Write the four files and return their folder."""
    bundle.write(bundle.build(material, KEY, ["polis"]), folder)
    return folder / "data" / "polis"


def rows(material: Material, name: str) -> list[list[str]]:
    """Return the rows of one of the files."""
    text = polis.files(material)[f"data/polis/{name}.csv"].decode()
    return list(csv.reader(io.StringIO(text)))


def test_our_own_reader_takes_it_back(closed: Material, tmp_path: Path) -> None:
    export = read_export(written(closed, tmp_path / "out"))
    names = Pseudonyms(closed.key)
    order = [names.voter(row) for row in closed.rows]
    assert sorted(export.participants) == sorted(order)
    back = np.array([export.matrix[export.participants.index(voter)] for voter in order])
    assert (back == closed.votes).all()
    assert [each.text for each in export.statements] == [each.text for each in closed.statements]
    assert export.topic == closed.title
    assert export.group_labels is not None
    assert len(set(export.group_labels)) == 2


@pytest.mark.parametrize(("withheld", "published"), [(0, 40), (1, 0), (9, 0), (10, 30), (40, 0)])
def test_rows_need_consent_and_leave_nobody_to_be_subtracted(withheld: int, published: int) -> None:
    material = whole(people=40, statements=6, withheld=withheld).material()
    found = rows(material, "participants-votes")[1:]
    assert len(found) == published
    voters = {row[3] for row in rows(material, "votes")[1:]}
    assert voters == {row[0] for row in found}
    names = Pseudonyms(material.key)
    agreeing = {str(names.voter(p)) for p, x in material.people.items() if x.consent.research}
    assert voters <= agreeing


def test_an_author_is_not_found_among_the_voters(closed: Material) -> None:
    authors = {row[3] for row in rows(closed, "comments")[1:]}
    table = rows(closed, "participants-votes")
    assert authors.isdisjoint(row[0] for row in table[1:])
    place = table[0].index("n-comments")
    assert {row[place] for row in table[1:]} == {"0"}


def test_pseudonyms_belong_to_one_assembly(closed: Material) -> None:
    one = pseudonym_key(b"secret", closed.assembly)
    other = pseudonym_key(b"secret", type(closed.assembly)("a2"))
    person = closed.rows[0]
    assert Pseudonyms(one).voter(person) != Pseudonyms(other).voter(person)
    assert Pseudonyms(one).voter(person) == Pseudonyms(one).voter(person)
    assert "secret" not in repr(Pseudonyms(one))


def test_times_are_days(closed: Material) -> None:
    for name in ("comments", "votes"):
        for row in rows(closed, name)[1:]:
            assert int(row[0]) % 86_400_000 == 0
            assert len(row[1]) == len("2026-11-21")


def test_while_voting_is_open_there_are_no_counts_and_no_rows(tmp_path: Path) -> None:
    held = Held()
    held.phase(Phase.OPEN)
    crowd = held.admit(15)
    statement = held.say(crowd[0], "Open.")
    for person in crowd:
        held.vote(person, statement, 1)
    material = held.material()
    assert rows(material, "votes")[1:] == []
    assert rows(material, "participants-votes")[1:] == []
    assert [row[4:6] for row in rows(material, "comments")[1:]] == [["0", "0"]]


def test_moderation_and_words_go_out_as_they_stand() -> None:
    held = Held()
    held.phase(Phase.OPEN)
    crowd = held.admit(3)
    quiet = held.admit(1, NO)
    held.say(crowd[0], "Stands.")
    bad = held.say(crowd[1], "Bad.")
    held.say(quiet[0], "Not to be published.")
    held.reject(bad, Reason.SPAM)
    held.phase(Phase.CLOSED)
    found = rows(held.material(), "comments")[1:]
    assert [row[6] for row in found] == ["1", "-1", "1"]
    assert [row[7] for row in found] == ["Stands.", "", ""]


@given(st.text(max_size=40))
def test_no_cell_is_a_formula(text: str) -> None:
    cell = polis.plain(text)
    signs = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
    assert not cell.startswith(signs)
    assert not cell.lstrip().startswith(signs)
    assert cell.removeprefix("'").endswith(text.replace("\0", "").removeprefix("'"))


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", " =cmd|' /C calc'!A0", "\t=1", "\n\xa0=1", "＝1"]
)
def test_formulas_are_neutralised(text: str) -> None:
    assert polis.plain(text) == "'" + text


def test_the_rows_sum_up_to_the_counts_where_all_agreed(closed: Material) -> None:
    assert Allowed(closed).rows.all()
    matrix = np.array(
        [
            [int(v) if v else EMPTY for v in row[6:]]
            for row in rows(closed, "participants-votes")[1:]
        ]
    )
    comments = rows(closed, "comments")[1:]
    assert [int(row[4]) for row in comments] == np.count_nonzero(matrix == 1, axis=0).tolist()
    assert [int(row[5]) for row in comments] == np.count_nonzero(matrix == -1, axis=0).tolist()
