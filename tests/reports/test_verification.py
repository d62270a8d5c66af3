"""A bundle that was touched anywhere does not hold, and the first thing that doesn't is named."""

from __future__ import annotations

import random
import shutil
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
import rfc8785
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.errors import Conflict, Invalid
from server.reports import bundle
from server.reports.manifest import File, Manifest, canonical, is_plain_path
from server.reports.material import Material
from server.reports.signing import SigningKey, fingerprint, signing_key
from server.reports.verification import BundleBroken, read_key, verify

from .conftest import KEY

OTHER = SigningKey(b"o" * 32)
_HERE = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture
def folder(tmp_path: Path, files: dict[str, bytes]) -> Path:
    """The bundle, written."""
    bundle.write(files, tmp_path / "bundle")
    return tmp_path / "bundle"


def broken(folder: Path, key: bytes | None = None) -> str:
    """Return what is said of a bundle that must not hold."""
    with pytest.raises(BundleBroken) as caught:
        verify(folder, key)
    return caught.value.message


def resigned(folder: Path, key: SigningKey) -> None:
    """Sign anew what stands in the folder, with sizes and hashes that fit."""
    (folder / "public-key.raw").write_bytes(key.public)
    manifest = msgspec.json.decode((folder / "manifest.json").read_bytes(), type=Manifest)
    found = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = path.relative_to(folder).as_posix()
        if name not in ("manifest.json", "manifest.sig"):
            content = path.read_bytes()
            found.append(File(path=name, sha256=sha256(content).hexdigest(), size=len(content)))
    named = msgspec.structs.replace(manifest.key, fingerprint=fingerprint(key.public))
    raw = canonical(
        msgspec.structs.replace(
            manifest, key=named, files=tuple(sorted(found, key=lambda each: each.path))
        )
    )
    (folder / "manifest.json").write_bytes(raw)
    (folder / "manifest.sig").write_bytes(key.sign(raw))


def test_an_untouched_bundle_holds(folder: Path, small: Material) -> None:
    found = verify(folder)
    assert not found.key_expected
    assert found.manifest.assembly.slug == small.slug
    assert found.events == sum(log.seq for log in small.logs)
    assert verify(folder, KEY.public).key_expected


def test_the_manifest_is_canonical_and_lists_everything_else(files: dict[str, bytes]) -> None:
    raw = files["manifest.json"]
    plain = msgspec.json.decode(raw)
    assert rfc8785.dumps(plain) == raw
    assert {each["path"] for each in plain["files"]} == set(files) - {
        "manifest.json",
        "manifest.sig",
    }
    assert len(files["manifest.sig"]) == 64
    assert len(files["public-key.raw"]) == 32


def test_the_same_moment_gives_the_same_bytes(small: Material, files: dict[str, bytes]) -> None:
    again = bundle.build(small, KEY)
    assert again == files
    assert bundle.zipped(again, "town") == bundle.zipped(files, "town")


@_HERE
@given(data=st.data())
def test_any_byte_that_is_changed_is_found(
    data: st.DataObject, folder: Path, files: dict[str, bytes]
) -> None:
    name = data.draw(st.sampled_from(sorted(name for name in files if files[name])))
    content = files[name]
    place = data.draw(st.integers(0, len(content) - 1))
    change = data.draw(st.integers(1, 255))
    touched = bytearray(content)
    touched[place] ^= change
    (folder / name).write_bytes(bytes(touched))
    try:
        assert name in broken(folder)
    finally:
        (folder / name).write_bytes(content)


@pytest.mark.parametrize("seed", range(120))
def test_whatever_is_done_to_a_bundle_is_found(
    seed: int, folder: Path, files: dict[str, bytes]
) -> None:
    rng = random.Random(seed)
    name = rng.choice(sorted(files))
    path, content = folder / name, files[name]
    place = rng.randrange(len(content) + 1)
    kind = rng.choice(("insert", "drop", "cut", "remove", "add", "reorder", "swap", "double"))
    named = name
    if kind == "insert":
        path.write_bytes(content[:place] + rng.randbytes(rng.randint(1, 9)) + content[place:])
    elif kind == "drop" and content:
        start = rng.randrange(len(content))
        path.write_bytes(content[:start] + content[start + rng.randint(1, 9) :])
    elif kind == "cut" and content:
        path.write_bytes(content[: rng.randrange(len(content))])
    elif kind == "add":
        named = rng.choice(("log/extra.jsonl", "data/extra.csv", "extra"))
        (folder / named).write_bytes(content)
    elif kind in ("reorder", "double") and content.count(b"\n") > 2:
        lines = content.splitlines(keepends=True)
        one, other = sorted(rng.sample(range(len(lines)), 2))
        if kind == "double" or lines[one] == lines[other]:
            lines.insert(other, lines[one])
        else:
            lines[one], lines[other] = lines[other], lines[one]
        path.write_bytes(b"".join(lines))
    elif kind == "swap":
        other_name = rng.choice([each for each in sorted(files) if files[each] != content])
        path.write_bytes(files[other_name])
        (folder / other_name).write_bytes(content)
        named = ""
    else:
        path.unlink()
    assert named in broken(folder)


def test_links_odd_names_and_empty_folders_are_refused(folder: Path) -> None:
    link = folder / "report.html"
    kept = link.read_bytes()
    link.unlink()
    link.symlink_to("report.json")
    assert "report.html" in broken(folder)
    link.unlink()
    link.write_bytes(kept)
    for odd in (".hidden", "a b", "ü", "x\u202ey"):
        (folder / odd).write_text("x")
        assert "name" in broken(folder)
        (folder / odd).unlink()
    deep = folder / "/".join(["d"] * 300)
    deep.mkdir(parents=True)
    assert "name" in broken(folder)
    shutil.rmtree(folder / "d")
    (folder / "empty").mkdir()
    assert "empty" in broken(folder)
    assert "folder" in broken(folder / "nothing")


def test_another_key_is_told_from_the_expected_one(folder: Path) -> None:
    (folder / "report.html").write_bytes(b"<p>They ask for nothing.</p>")
    assert "report.html" in broken(folder)
    resigned(folder, OTHER)
    assert not verify(folder).key_expected
    assert fingerprint(OTHER.public) in broken(folder, KEY.public)


def test_a_log_is_checked_even_when_the_signer_touched_it(folder: Path, small: Material) -> None:
    path = folder / "log" / f"{small.room}.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    swapped = [*lines[:4], lines[5], lines[4], *lines[6:]]
    changed = [*lines[:3], lines[3].replace(b'"seq":4', b'"seq":9'), *lines[4:]]
    spaced = [*lines[:-1], lines[-1].replace(b":", b": ", 1)]
    for touched in (lines[1:], lines[:-1], swapped, changed, [*lines[:2], *lines[3:]]):
        path.write_bytes(b"".join(touched))
        resigned(folder, KEY)
        assert path.name in broken(folder, KEY.public)
    path.write_bytes(b"".join(lines)[:-1])
    resigned(folder, KEY)
    assert path.name in broken(folder)
    # The chain's hashes hold for these too, but a log has one form: what is read twice is the same.
    twice = [*lines[:-1], lines[-1].replace(b"{", b'{"seq":1,', 1)]
    for touched in (spaced, twice, [line.replace(b"\n", b"\r\n") for line in lines]):
        path.write_bytes(b"".join(touched))
        resigned(folder, KEY)
        assert "form" in broken(folder, KEY.public)


def signed_with(folder: Path, **changes: object) -> None:
    """Sign a manifest in which something else stands."""
    path = folder / "manifest.json"
    manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    raw = canonical(msgspec.structs.replace(manifest, **changes))
    path.write_bytes(raw)
    (folder / "manifest.sig").write_bytes(KEY.sign(raw))


def test_a_bundle_without_its_logs_is_refused(folder: Path, small: Material) -> None:
    manifest = msgspec.json.decode((folder / "manifest.json").read_bytes(), type=Manifest)
    for kept in ((), (small.assembly,), (small.room,)):
        for log in {small.assembly, small.room} - set(kept):
            (folder / "log" / f"{log}.jsonl").unlink(missing_ok=True)
        if not kept:
            (folder / "log").rmdir()
        signed_with(
            folder,
            logs=tuple(each for each in manifest.logs if each.log in kept),
            files=tuple(
                each
                for each in manifest.files
                if not each.path.startswith("log/") or Path(each.path).stem in kept
            ),
        )
        assert "log" in broken(folder)
        (folder / "log").mkdir(exist_ok=True)
        for each in small.logs:
            (folder / "log" / f"{each.log}.jsonl").write_bytes(bundle.log_lines(each))


def test_a_hostile_bundle_commands_no_terminal(folder: Path) -> None:
    manifest = msgspec.json.decode((folder / "manifest.json").read_bytes(), type=Manifest)
    subject, odd = manifest.assembly, "\x1b[31mred\u202e"
    file = File(path=f"zz{odd}", sha256="0" * 64, size=1)
    for changes in (
        {"assembly": msgspec.structs.replace(subject, slug=odd)},
        {"made_on": odd},
        {"files": (*manifest.files, file)},
        {"logs": (*manifest.logs, msgspec.structs.replace(manifest.logs[0], log=odd))},
    ):
        signed_with(folder, **(vars_of(manifest) | changes))
        assert broken(folder).isascii()
        assert "\x1b" not in broken(folder)


def vars_of(manifest: Manifest) -> dict[str, object]:
    """Return a manifest's fields."""
    return msgspec.structs.asdict(manifest)


def test_a_file_of_another_size_is_not_read(folder: Path) -> None:
    with (folder / "report.html").open("ab") as file:
        file.truncate(1 << 40)
    assert str(1 << 40) in broken(folder)


def test_a_log_of_another_assembly_does_not_pass_for_this_one(
    folder: Path, small: Material
) -> None:
    one, other = (folder / "log" / f"{log}.jsonl" for log in (small.assembly, small.room))
    kept = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(kept)
    resigned(folder, KEY)
    assert "log/" in broken(folder, KEY.public)


def test_a_manifest_of_another_form_is_refused(folder: Path) -> None:
    path = folder / "manifest.json"
    raw = path.read_bytes()
    plain = msgspec.json.decode(raw)
    for touched in (
        msgspec.json.format(raw),
        msgspec.json.encode(plain | {"more": 1}),
        raw.replace(b'"format"', b'"format":1,"format"'),
        b"[" * 100_000,
        b"{}",
        b"",
    ):
        path.write_bytes(touched)
        (folder / "manifest.sig").write_bytes(KEY.sign(touched))
        assert "manifest.json" in broken(folder)


def test_a_manifest_that_forgets_a_log_is_refused(folder: Path) -> None:
    path = folder / "manifest.json"
    manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    raw = canonical(msgspec.structs.replace(manifest, logs=manifest.logs[:1]))
    path.write_bytes(raw)
    (folder / "manifest.sig").write_bytes(KEY.sign(raw))
    assert "names no head" in broken(folder)


def test_a_folder_is_written_whole_or_not_at_all(
    tmp_path: Path, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "there"
    target.mkdir()
    (target / "mine").write_text("keep")
    with pytest.raises(Conflict):
        bundle.write(files, target)
    assert [each.name for each in target.iterdir()] == ["mine"]
    full = OSError(28, "No space left on device")

    def fails(*_: object) -> int:
        raise full

    monkeypatch.setattr(Path, "write_bytes", fails)
    with pytest.raises(OSError, match="No space"):
        bundle.write(files, tmp_path / "never")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["there"]


def test_the_zip_holds_the_same_bundle(tmp_path: Path, files: dict[str, bytes]) -> None:
    archive = tmp_path / "town.zip"
    archive.write_bytes(bundle.zipped(files, "town"))
    shutil.unpack_archive(archive, tmp_path / "out")
    assert verify(tmp_path / "out" / "town", KEY.public).manifest.assembly.slug == "town"


def test_the_signing_key_is_made_once_and_for_the_operator_alone(tmp_path: Path) -> None:
    made = signing_key(tmp_path / "data")
    path = tmp_path / "data" / "signing.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert signing_key(tmp_path / "data") == made
    assert made.seed.hex() not in repr(made)
    assert [each.name for each in path.parent.iterdir()] == ["signing.key"]


def test_a_public_key_is_read_raw_or_in_hex(tmp_path: Path) -> None:
    raw, told, wrong = (tmp_path / name for name in ("raw", "hex", "wrong"))
    raw.write_bytes(KEY.public)
    told.write_text(KEY.public.hex() + "\n")
    wrong.write_text("no key")
    assert read_key(raw) == read_key(told) == KEY.public
    with pytest.raises(BundleBroken):
        read_key(wrong)


def test_only_known_formats_are_written(small: Material) -> None:
    some = bundle.build(small, KEY, ["constitution"])
    assert {path for path in some if not path.startswith("log/")} == {
        "constitution.json", "constitution.txt", "manifest.json", "manifest.sig", "public-key.raw",
    }  # fmt: skip
    with pytest.raises(Invalid, match="no format"):
        bundle.build(small, KEY, ["docx"])


@given(st.text(max_size=30))
def test_a_path_of_a_bundle_stays_inside_it(path: str) -> None:
    if is_plain_path(path):
        assert not Path(path).is_absolute()
        assert ".." not in Path(path).parts
        assert path.isascii()
