"""Local files: what is refused, how it is said, and how image_root confines."""

from __future__ import annotations

import errno
import os
import socket

import pytest

from samframe.errors import ImageError, OptionError
from samframe.images import path as _path
from samframe.images import read_image


def test_missing_relative_file_tells_where_it_was_looked_for(tmp_path, monkeypatch):
    """The message names the path, and the place it is relative to."""
    monkeypatch.chdir(tmp_path)

    with pytest.raises(
        ImageError, match=f"'none.png': no such file; .*working directory.*{tmp_path}/none.png"
    ):
        read_image("none.png")


def test_missing_absolute_file_is_told_without_a_hint(tmp_path):
    """An absolute path needs no hint."""
    with pytest.raises(ImageError, match=r"none\.png': no such file$"):
        read_image(tmp_path / "none.png")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "folder"),
        ("a.png/b.png", "no such file"),
        ("loop", "leads nowhere|no such file"),
        ("x" * 300, "too long"),
        ("fifo", "device, pipe or socket"),
        ("socket", "device, pipe or socket"),
        ("a\x00.png", "cannot be part of a path"),
        ("\ud800.png", "cannot be part of a path"),
    ],
)
def test_what_is_no_regular_file_is_refused(name, words, tmp_path, png):
    """Folders, pipes, sockets and impossible names are errors, and none of them hangs."""
    (tmp_path / "a.png").write_bytes(png)
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))

        with pytest.raises(ImageError, match=words):
            read_image(f"{tmp_path}/{name}")


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null", "/dev/tty"])
def test_device_is_refused(path):
    """A device is never read."""
    with pytest.raises(ImageError, match=r"device|no such file"):
        read_image(path)


def test_permission_error_says_so():
    """A file that may not be read is told apart from one that is not there."""
    assert "permission denied" in _path._reason(PermissionError(errno.EACCES, ""))


def test_large_file_is_refused_unread(tmp_path):
    """A file over the limit is refused by its size."""
    path = tmp_path / "a.png"
    with path.open("wb") as file:
        file.truncate(_path.MAX_FILE_BYTES + 1)

    with pytest.raises(ImageError, match="256 MiB"):
        read_image(path)


@pytest.fixture
def house(tmp_path, png):
    """Two folders, ``root`` and ``outside``, with a picture in each and links between them."""
    for name in ("root/sub", "outside", "root-2"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("root/a.png", "root/sub/b.png", "outside/c.png", "root-2/d.png"):
        (tmp_path / name).write_bytes(png)
    (tmp_path / "root/out.png").symlink_to(tmp_path / "outside/c.png")
    (tmp_path / "root/away").symlink_to(tmp_path / "outside")
    (tmp_path / "root/in.png").symlink_to("sub/b.png")
    return tmp_path


@pytest.mark.parametrize(
    "path", ["a.png", "sub/b.png", "sub/../a.png", "in.png", "./a.png", "{root}/a.png", "file://{root}/a.png"]
)
def test_path_inside_image_root_is_read(path, house):
    """Relative paths start at image_root; absolute ones and links that stay inside are fine."""
    root = house / "root"

    assert read_image(path.format(root=root), image_root=root).stored_hw == (20, 30)


@pytest.mark.parametrize(
    "path",
    [
        "../outside/c.png",
        "sub/../../outside/c.png",
        "out.png",
        "away/c.png",
        "{house}/outside/c.png",
        "{house}/root-2/d.png",
        "../root-2/d.png",
        "file://{house}/outside/c.png",
        "file://{house}/root/%2e%2e/outside/c.png",
        "/etc/passwd",
        "~/a.png",
        "..",
        "memory://bucket/a.png",
        "s3://bucket/a.png",
    ],
)
def test_path_outside_image_root_is_refused(path, house):
    """Neither .., a link, an absolute path, a file URI nor an object store leads out of image_root."""
    with pytest.raises(ImageError, match="outside image_root"):
        read_image(path.format(house=house), image_root=house / "root")


def test_existence_outside_image_root_is_not_told(house):
    """A missing file outside gives the same message as one that is there."""
    messages = []
    for name in ("c.png", "none.png"):
        with pytest.raises(ImageError) as caught:
            read_image(f"../outside/{name}", image_root=house / "root")
        messages.append(str(caught.value).replace(name, ""))

    assert messages[0] == messages[1]


def test_link_put_in_place_later_does_not_lead_out(house):
    """A file replaced by a link out of image_root between plan and payload is not followed."""
    image = read_image("a.png", image_root=house / "root")
    (house / "root/a.png").unlink()
    (house / "root/a.png").symlink_to(house / "outside/c.png")

    with pytest.raises(ImageError, match="outside image_root"):
        image.payload()
    with pytest.raises(ImageError, match="outside image_root"):
        image.pixels()


def test_url_and_bytes_need_no_root(house, png):
    """image_root confines paths only."""
    root = house / "root"

    assert read_image("https://h/a.png", image_root=root).payload() == "https://h/a.png"
    assert read_image(png, image_root=root).stored_hw == (20, 30)


def test_image_root_that_is_no_folder_is_an_option_error(house):
    """A wrong image_root is the call's trouble, not a row's."""
    with pytest.raises(OptionError, match="not a folder"):
        read_image("a.png", image_root=house / "root/a.png")
