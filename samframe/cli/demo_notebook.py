"""``samframe demo --notebook``: notebooks and photographs in a folder, and JupyterLab to open the first of them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import samframe
from samframe.cli.exit import Exit
from samframe.errors import OptionError
from samframe.ground.files import atomic_write
from samframe.testing import SAMPLE_PHOTOS, sample_photo

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["open_notebook"]

FIRST = "01_quickstart.ipynb"
#: What opens a notebook in a browser, the better first.
APPLICATIONS = ("jupyterlab", "notebook")


def open_notebook(folder: Path, *, is_opened: bool) -> Exit:
    """Copy the notebooks and the photographs into a folder, and open the first notebook.

    What is there already is the user's, and kept.

    Parameters
    ----------
    folder : pathlib.Path
        It is made where it is missing.
    is_opened : bool
        Whether to start JupyterLab; it runs until it is stopped, as with Ctrl-C.

    Raises
    ------
    OptionError
        If the notebooks are missing from the installed package.
    OSError
        If the folder cannot be written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for source, target in _copies(folder):
        if target.exists():
            print(f"kept   {target}")
        else:
            target.parent.mkdir(exist_ok=True)
            with atomic_write(target) as temporary:
                shutil.copyfile(source, temporary)
            print(f"wrote  {target}")
    first = folder / FIRST
    application = next((name for name in APPLICATIONS if find_spec(name) is not None), None)
    if application is None:
        print(
            f"\nJupyterLab is not installed here: pip install 'samframe[notebooks]', then: jupyter lab {first}"
        )
        return Exit.DONE
    if not is_opened:
        print(f"\nOpen it with: jupyter lab {first}")
        return Exit.DONE
    print(f"\nOpening {first}; Ctrl-C ends it.")
    sys.stdout.flush()
    ended = subprocess.run([sys.executable, "-m", application, str(first)], check=False)  # noqa: S603 - our own
    return Exit.DONE if ended.returncode == 0 else Exit.ROWS_FAILED


def _copies(folder: Path) -> Iterator[tuple[Path, Path]]:
    for notebook in sorted(_notebooks().glob("*.ipynb")):
        yield notebook, folder / notebook.name
    for name in SAMPLE_PHOTOS:
        photo = Path(sample_photo(name))
        yield photo, folder / "photos" / photo.name


def _notebooks() -> Path:
    """Return the folder of the notebooks: in the package where it was built, beside it in a clone."""
    package = Path(samframe.__file__).parent
    for folder in (package / "cli" / "notebooks", package.parent / "notebooks"):
        if (folder / FIRST).is_file():
            return folder
    raise OptionError(
        "The notebooks are missing from this installation; "
        "they are at https://github.com/samframe/samframe/tree/main/notebooks."
    )
