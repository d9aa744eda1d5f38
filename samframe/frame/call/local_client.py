"""``samframe.local()``: a client of a private server in this process, with the user's own SAM behind it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from samframe.frame.call.offline_client import OFFLINE_KEY, PrivateClient
from samframe.ground.engine import read_engine

if TYPE_CHECKING:
    import os

    from samframe.server.engines.sam import SamEngine

__all__ = ["LocalClient", "local"]


class LocalClient(PrivateClient):
    """A client whose jobs go to a server in this process, and to a Segment Anything model on this machine.

    Nothing is billed and nothing leaves the machine.

    Parameters
    ----------
    engine : SamEngine
        The model, loaded; it is closed with the client.
    """

    _maker = "local"

    def __init__(self, engine: SamEngine) -> None:
        from samframe.server import ServerConfig  # noqa: PLC0415 - starlette is heavy

        self._engine = engine
        super().__init__(ServerConfig(engine=engine, api_key=OFFLINE_KEY))

    @property
    def licence(self) -> str:
        """Licence of the weights."""
        return self._engine.facts.licence

    def close(self) -> None:
        """Stop the server and let the model go."""
        super().close()
        self._engine.close()

    def __repr__(self) -> str:
        return f"<samframe local client: {read_engine(self.identity).label}, {self._engine.facts.words}>"


def local(
    model: str | os.PathLike[str],
    text: str | os.PathLike[str] | None = None,
    device: str = "auto",
    cache_mb: int = 512,
    download: bool = False,  # noqa: FBT001, FBT002 - named in the call by everyone
    *,
    dtype: str = "float32",
    text_threshold: float | None = None,
) -> LocalClient:
    """Return a client of a Segment Anything model on this machine: free, private, and without a key.

    It stands where :func:`offline` stands, with a server of its own in this process. The weights are the user's:
    nothing is fetched unless ``download`` is True. Loading takes seconds and is told on stderr.

    Parameters
    ----------
    model : str or path
        Weights of SAM 2, 2.1 or 3: a folder that ``save_pretrained`` or ``samframe export-onnx`` wrote, or an id of the
        Hugging Face hub such as ``"facebook/sam2.1-hiera-tiny"``.
    text : str or path, optional
        A detector whose boxes prompt SAM 2 where a row has a text prompt: ``"IDEA-Research/grounding-dino-tiny"`` or
        OWLv2. Without one, such rows fail and say so. SAM 3 takes words itself.
    device : str
        ``"auto"`` (a GPU where there is one), ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``.
    cache_mb : int
        Megabytes for what the model made of images: 16 an image of SAM 2, in float32.
    download : bool
        Whether files that are not in the hub's cache may be fetched, once.
    dtype : {"float32", "bfloat16"}
        Numbers in which images are encoded; bfloat16 is quicker on GPUs that have it.
    text_threshold : float, optional
        Least score, 0 to 1, of what words find; None: the model's usual.

    Returns
    -------
    LocalClient
        Use it as ``client=``, and close it or use it in a ``with`` block.

    Raises
    ------
    OptionError
        If something is missing, damaged, or does not fit this machine; the message says what to do.
    """
    from samframe.server.engines.sam import load_sam  # noqa: PLC0415 - the server is heavy

    engine = load_sam(
        model,
        text,
        device=device,
        dtype=dtype,
        cache_mb=cache_mb,
        download=download,
        text_threshold=text_threshold,
        announce=_say,
    )
    return LocalClient(engine)


def _say(text: str) -> None:
    print(f"samframe: {text} ...", file=sys.stderr, flush=True)  # noqa: T201 - progress, before there is a bar
