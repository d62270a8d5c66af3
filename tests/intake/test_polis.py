"""Reading Polis exports: odd but sound ones are read, wrong ones are refused by file and line."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest

from server.deliberation.votes import EMPTY
from server.errors import UnreadableFile
from server.intake.csvrows import Limits
from server.intake.polis import PolisExport, PolisVote, read_export

from ..shared import POLIS, needs_shared

SUMMARY = 'topic,A question\nurl,https://example.org\nvoters,3\nvoters-in-conv,3\nconversation-description,"Two\nlines"\n'
COMMENTS = """timestamp,datetime,comment-id,author-id,agrees,disagrees,moderated,comment-body
1500,Mon,12,3,1,1,1,"A ""quoted"" word,
and a line break"
1400,Mon,2,99,0,1,-1,plain
1600,Mon,30,3,0,0,0,nobody voted
"""
MATRIX = """participant,xid,group-id,n-comments,n-votes,n-agree,n-disagree,12,2
7,,1,0,2,1,1,1,-1
3,x,0,2,1,0,1,-1,
5,,,0,1,0,0,0,
"""
VOTES = """timestamp,datetime,comment-id,voter-id,vote
2000,Mon,12,7,-1
2001,Mon,12,3,-1
2002,Mon,12,5,0
2003,Mon,2,7,-1
2004,Mon,12,7,1
"""
FILES = {
    "summary.csv": SUMMARY,
    "comments.csv": COMMENTS,
    "participants-votes.csv": MATRIX,
    "votes.csv": VOTES,
}


def folder(at: Path, **changed: str | bytes | None) -> Path:
    """Write the small export; ``changed`` is by file name, ``_`` for ``-``, without ``.csv``."""
    for name, text in FILES.items():
        content = changed.get(name.removesuffix(".csv").replace("-", "_"), text)
        if content is not None:
            data = content if isinstance(content, bytes) else content.encode()
            (at / name).write_bytes(data)
    return at


def refused(at: Path, limits: Limits | None = None) -> str:
    with pytest.raises(UnreadableFile) as error:
        read_export(at, limits)
    return error.value.message


def same(one: PolisExport, other: PolisExport) -> bool:
    return (
        one.statements == other.statements
        and one.participants == other.participants
        and one.columns == other.columns
        and np.array_equal(one.matrix, other.matrix)
        and np.array_equal(one.group_labels, other.group_labels)
    )


def test_a_small_export_is_read_whole(tmp_path: Path) -> None:
    found = read_export(folder(tmp_path))
    assert (found.topic, found.description) == ("A question", "Two\nlines")
    assert [statement.id for statement in found.statements] == [2, 12, 30]
    assert found.statements[1].text == 'A "quoted" word,\nand a line break'
    assert [statement.moderated for statement in found.statements] == [-1, 1, 0]
    assert found.statements[0].author == 99  # who never voted
    assert found.statements[2].timestamp == 1600
    assert found.columns == (2, 12)
    assert found.participants == (7, 3, 5)
    assert found.matrix.dtype == np.int8
    assert found.matrix.tolist() == [[-1, 1], [EMPTY, -1], [EMPTY, 0]]
    assert found.group_labels is not None
    assert found.group_labels.tolist() == [1, 0, -1]
    assert found.moderated_out.tolist() == [True, False]
    assert (found.written, found.vote_count, found.voters) == (3, 4, 3)
    assert found.votes is not None
    assert found.votes[-1] == PolisVote(participant=7, statement=12, choice=1, timestamp=2004)
    assert len(found.votes) == 5
    assert found.shown is None


def test_a_matrix_without_votes_csv_is_enough(tmp_path: Path) -> None:
    found = read_export(folder(tmp_path, votes=None))
    assert found.votes is None
    assert found.matrix.tolist() == [[-1, 1], [EMPTY, -1], [EMPTY, 0]]


def test_a_later_vote_replaces_an_earlier_one_and_the_matrix(tmp_path: Path) -> None:
    found = read_export(folder(tmp_path, votes=VOTES + "1,Mon,12,3,0\n"))
    assert found.matrix.tolist() == [[-1, 1], [EMPTY, 0], [EMPTY, 0]]
    assert found.vote_count == 4


@pytest.mark.parametrize("name", FILES)
def test_a_byte_order_mark_and_carriage_returns_are_read_over(name: str, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "marked").mkdir()
    plain = read_export(folder(tmp_path / "plain"))
    marked = folder(tmp_path / "marked")
    text = FILES[name].replace("\n", "\r\n").replace("word,\r\n", "word,\n")
    (marked / name).write_bytes(b"\xef\xbb\xbf" + text.replace("Two\r\n", "Two\n").encode())
    found = read_export(marked)
    assert same(found, plain)
    assert found.topic == plain.topic


def test_no_xid_no_groups_no_summary_no_last_line_end(tmp_path: Path) -> None:
    comments = COMMENTS.removesuffix("\n")
    matrix = "participant,group-id,n-comments,n-votes,n-agree,n-disagree,2\n7,,0,1,0,1,-1"
    found = read_export(
        folder(tmp_path, comments=comments, participants_votes=matrix, votes=None, summary=None)
    )
    assert found.group_labels is None
    assert found.topic == ""
    assert found.matrix.tolist() == [[-1]]


WRONG = [
    ("comments", COMMENTS.replace("plain", '"pl"ain'), "comments.csv, line 4"),
    ("comments", COMMENTS.replace("1400,Mon,2,99", "1400,Mon,12,99"), "comments.csv, line 4"),
    ("comments", COMMENTS.replace("99,0,1,-1", "99,0,1,2"), "comments.csv, line 4"),
    ("comments", COMMENTS.replace("1400,Mon,2,99", "1400,Mon,two,99"), "comments.csv, line 4"),
    ("comments", COMMENTS.replace("1400,Mon,2,99,", "1400,Mon,2,"), "comments.csv, line 4"),
    ("comments", COMMENTS.replace("moderated", "state"), "comments.csv, line 1"),
    ("comments", "", "comments.csv, line 1"),
    ("comments", None, "comments.csv"),
    ("comments", COMMENTS.encode().replace(b"plain", b"pl\xff\xfein"), "comments.csv, line 4"),
    ("comments", COMMENTS.replace("plain", "pl\0ain"), "comments.csv, line 4"),
    ("comments", COMMENTS[: COMMENTS.index("1400")], "participants-votes.csv, line 1"),
    ("comments", COMMENTS[:-3], "comments.csv, line 5"),
    ("comments", COMMENTS[: COMMENTS.index("and a line")], "comments.csv, line 2"),
    ("participants_votes", MATRIX.replace("-1,\n", "2,\n"), "participants-votes.csv, line 3"),
    ("participants_votes", MATRIX.replace("3,x,0", "7,x,0"), "participants-votes.csv, line 3"),
    ("participants_votes", MATRIX.replace("5,,,0", "5,,one,0"), "participants-votes.csv, line 4"),
    ("participants_votes", MATRIX[:-3], "participants-votes.csv, line 4"),
    ("participants_votes", MATRIX[: MATRIX.index("5,,,")], "participants-votes.csv, line 3"),
    ("participants_votes", MATRIX.replace("n-votes", "votes"), "participants-votes.csv, line 1"),
    ("participants_votes", MATRIX.replace("12,2\n", "12,12\n"), "participants-votes.csv, line 1"),
    ("participants_votes", MATRIX.replace("12,2\n", "12,31\n"), "participants-votes.csv, line 1"),
    ("participants_votes", MATRIX.replace("12,2\n", "12,x\n"), "participants-votes.csv, line 1"),
    ("participants_votes", None, "participants-votes.csv"),
    ("votes", VOTES.replace("7,1\n", "7,3\n"), "votes.csv, line 6"),
    ("votes", VOTES.replace("7,1\n", "7,\n"), "votes.csv, line 6"),
    ("votes", VOTES.replace("12,5,0", "12,6,0"), "votes.csv, line 4"),
    ("votes", VOTES.replace("12,5,0", "30,5,0"), "votes.csv, line 4"),
    ("votes", VOTES[: VOTES.index("2003")], "votes.csv, line 4"),
    ("votes", VOTES[:-3], "votes.csv, line 6"),
    ("votes", VOTES.replace("2004", "2004.5"), "votes.csv, line 6"),
    ("votes", VOTES.replace("2004", "9" * 30), "votes.csv, line 6"),
    ("votes", VOTES.replace("vote\n", "choice\n"), "votes.csv, line 1"),
    ("votes", "", "votes.csv, line 1"),
    ("summary", "question,x\n", "summary.csv, line 1"),
    ("summary", SUMMARY + "a,b,c\n", "summary.csv, line"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "where"), WRONG)
def test_what_is_wrong_is_refused_by_file_and_line(
    name: str, text: str | bytes | None, where: str, tmp_path: Path
) -> None:
    message = refused(folder(tmp_path, **{name: text}))
    assert message.startswith(where), message
    assert str(tmp_path) not in message


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    assert "no such folder" in refused(tmp_path / "nowhere")
    (tmp_path / "file").write_text("x")
    assert "no such folder" in refused(tmp_path / "file")
    (tmp_path / "empty").mkdir()
    assert refused(tmp_path / "empty").startswith("comments.csv")


@pytest.mark.parametrize(
    ("limits", "where"),
    [
        (Limits(file_bytes=150), "comments.csv, line"),
        (Limits(rows=4), "summary.csv, line"),
        (Limits(field_characters=12), "summary.csv, line"),
        (Limits(columns=7), "comments.csv, line 1"),
        (Limits(cells=4), "participants-votes.csv, line 4"),
        (Limits(groups=0), "participants-votes.csv, line"),
    ],
)
def test_reading_stops_at_its_limits(limits: Limits, where: str, tmp_path: Path) -> None:
    before = csv.field_size_limit()
    assert refused(folder(tmp_path), limits).startswith(where)
    assert csv.field_size_limit() == before


def test_a_line_without_end_is_not_read_into_memory(tmp_path: Path) -> None:
    bomb = folder(tmp_path) / "votes.csv"
    with bomb.open("a") as file:
        file.write('2005,"')
        for _ in range(200):
            file.write("x" * 10_000)
    limits = Limits(field_characters=1_000, columns=100)
    assert refused(tmp_path, limits).startswith("votes.csv, line 7")


@needs_shared
@pytest.mark.parametrize("name", ["comments.csv", "participants-votes.csv", "votes.csv"])
def test_a_real_export_cut_anywhere_is_refused(name: str, tmp_path: Path) -> None:
    shutil.copytree(POLIS / "london.youth.policing", tmp_path / "export")
    for file in (tmp_path / "export").iterdir():
        file.chmod(0o644)
    whole = (tmp_path / "export" / name).read_bytes()
    ends = np.random.default_rng(1).integers(0, len(whole) - 1, 25).tolist()
    for end in [0, len(whole) - 2, *ends]:
        (tmp_path / "export" / name).write_bytes(whole[:end])
        assert ".csv, line " in refused(tmp_path / "export")
