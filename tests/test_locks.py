"""Locks between processes, and files beside their place."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from samframe.ground.files import write_beside
from samframe.ground.locks import try_lock


@pytest.mark.skipif(sys.platform == "win32", reason="Windows opens no folder")
def test_a_lock_is_one_process_s(tmp_path):
    """Another process sees that it is taken, until the handle is closed."""
    code = (
        "import os, sys; from samframe.ground.locks import try_lock;"
        "print(try_lock(os.open(sys.argv[1], os.O_RDONLY)))"
    )

    def ask():
        command = [sys.executable, "-c", code, str(tmp_path)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    handle = os.open(tmp_path, os.O_RDONLY)
    ours, taken = try_lock(handle), ask()
    os.close(handle)

    assert (ours, taken, ask()) == (True, "False", "True")


def test_a_file_beside_its_place_leaves_nothing_where_it_fails(tmp_path, monkeypatch):
    """The folder is made, the place itself stays free, a failure takes what was begun with it."""
    made = write_beside(tmp_path / "new" / "a.bin", b"abc")

    assert made.read_bytes() == b"abc"
    assert made.parent == tmp_path / "new"
    assert made.name.startswith(".a.bin.")
    made.unlink()

    def fail(path, data):
        path.touch()
        raise OSError("full")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(OSError, match="full"):
        write_beside(tmp_path / "new" / "a.bin", b"abc")
    assert not list((tmp_path / "new").iterdir())
