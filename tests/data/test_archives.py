import io
import os
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest

from fewshot_bench.data.readers.folder import FOLDER
from fewshot_bench.data.verify import verify
from fewshot_bench.errors import DataError

from .tiny_sources import folder_tree, picture, png, prepared, write

KINDS = {"tar": ".tar", "gztar": ".tar.gz", "bztar": ".tar.bz2", "xztar": ".tar.xz", "zip": ".zip"}


@pytest.fixture(params=KINDS)
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    tree = folder_tree(tmp_path / "tree")
    return Path(shutil.make_archive(str(tmp_path / "packed"), request.param, tree))


def test_archives_are_read_and_nothing_is_left_behind(archive: Path, tmp_path: Path) -> None:
    store = prepared(FOLDER, archive, tmp_path / "out/store")
    assert len(store.images) == 15
    assert verify(store) == []
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["store"]
    assert not (store.folder / ".source").exists()


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.9, 0.99])
def test_truncated_archives_are_one_line(archive: Path, tmp_path: Path, share: float) -> None:
    whole = archive.read_bytes()
    if archive.suffix == ".tar":
        whole = whole.rstrip(b"\0")  # what may follow is padding
    archive.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(DataError, match=r"packed\..*fetch it again|packed\..*unpacked") as error:
        prepared(FOLDER, archive, tmp_path / "out/store")
    assert "\n" not in str(error.value)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_tar_cut_between_two_files_is_noticed(tmp_path: Path) -> None:
    packed = Path(shutil.make_archive(str(tmp_path / "a"), "tar", folder_tree(tmp_path / "tree")))
    with tarfile.open(packed) as tar:
        cut = tar.getmembers()[-1].offset
    with packed.open("r+b") as file:
        file.truncate(cut)
    with pytest.raises(DataError, match="its end is missing"):
        prepared(FOLDER, packed, tmp_path / "out")


def member(name: str, data: bytes = b"x", **facts: object) -> tuple[tarfile.TarInfo, io.BytesIO]:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in facts.items():
        setattr(info, key, value)
    return info, io.BytesIO(data)


@pytest.mark.parametrize(
    "name", ["../evil.txt", "/tmp/fsbench_evil.txt", "train/../../../evil.txt"]
)
@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_archives_that_want_to_write_outside_are_refused(
    tmp_path: Path, name: str, kind: str
) -> None:
    path = tmp_path / f"evil.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as zipped:
            zipped.writestr("train/ant/0.png", png(picture(0)))
            zipped.writestr(name, "x")
    else:
        with tarfile.open(path, "w") as tar:
            tar.addfile(*member("train/ant/0.png", png(picture(0))))
            tar.addfile(*member(name))
    if kind == "tar" and name.startswith("/"):  # the data filter strips the slash: inside, harmless
        assert len(prepared(FOLDER, path, tmp_path / "out/store").images) == 1
    else:
        with pytest.raises(DataError, match="is refused: it wants to write outside") as error:
            prepared(FOLDER, path, tmp_path / "out/store")
        assert "\n" not in str(error.value)
    assert not list(tmp_path.rglob("*evil.txt"))
    assert not Path("/tmp/fsbench_evil.txt").exists()


def test_links_out_of_the_archive_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "link.tar"
    with tarfile.open(path, "w") as tar:
        tar.addfile(*member("out", b"", type=tarfile.SYMTYPE, linkname="../../.."))
        tar.addfile(*member("out/evil.txt"))
    with pytest.raises(DataError, match="wants to write outside"):
        prepared(FOLDER, path, tmp_path / "out/store")


def test_zip_with_a_password_or_a_damaged_member(tmp_path: Path) -> None:
    path = tmp_path / "locked.zip"
    with zipfile.ZipFile(path, "w") as zipped:
        zipped.writestr("train/ant/0.png", png(picture(0)))
    data = bytearray(path.read_bytes())
    directory = data.index(b"PK\x01\x02")
    data[6] |= 1
    data[directory + 8] |= 1
    with pytest.raises(DataError, match="truncated or damaged"):
        prepared(FOLDER, write(tmp_path / "locked.zip", bytes(data)), tmp_path / "out")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_unreadable_archives_are_named(tmp_path: Path) -> None:
    path = write(tmp_path / "closed.zip", b"x")
    path.chmod(0)
    with pytest.raises(DataError, match=r"closed\.zip can't be unpacked: Permission denied"):
        prepared(FOLDER, path, tmp_path / "out")
