"""SAM 2 of real size, with random weights: the served engine beside loops over transformers written by hand.

    python tests/benchmarks/bench_local_sam.py --images 20 --prompts 5 [--device cuda]

Speed does not depend on the weights' values. Seconds of CPU stand beside those of the clock: on a busy machine they are
the fairer ones. Needs the extra ``sam``.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import resource
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
from PIL import Image

KEY = "offline"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=20)
    parser.add_argument("--prompts", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--each", type=int, default=2, help="images for the loop that encodes each prompt")
    given = parser.parse_args()
    folder, model = _weights(given.device)
    files = [_file(seed) for seed in range(given.images)]
    clicks = [(100 + 150 * n, 300) for n in range(given.prompts)]
    served, encodes = _served(folder, files, clicks, given.device)
    once = _by_hand(model, files, clicks, given.device, once=True)
    each = _by_hand(model, files[: given.each], clicks, given.device, once=False)
    scale = given.images / given.each
    each = (each[0] * scale, each[1] * scale)
    print(f"{given.images} images x {given.prompts} prompts, {given.device}: wall s, CPU s")
    for name, (wall, cpu) in (
        ("served", served),
        ("encode once, by hand", once),
        ("encode each, by hand", each),
    ):
        print(f"  {name:24} {wall:8.1f} {cpu:8.1f}")
    print(f"served / once: {served[0] / once[0]:.2f} wall, {served[1] / once[1]:.2f} CPU")
    print(f"each / served: {each[0] / served[0]:.2f} wall, {each[1] / served[1]:.2f} CPU")
    print(
        f"encodes: {encodes}; peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB"
    )


@contextmanager
def _timed(out: list[float]):
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    out += [time.perf_counter() - wall, time.process_time() - cpu]


def _weights(device: str):
    import torch
    from transformers import Sam2Config, Sam2Model

    folder = Path(tempfile.gettempdir()) / "samframe-bench-sam2-tiny"
    if not (folder / "model.safetensors").exists():
        torch.manual_seed(0)
        Sam2Model(Sam2Config()).save_pretrained(folder)
    return folder, Sam2Model.from_pretrained(folder).eval().to(device)


def _file(seed: int) -> bytes:
    noise = np.random.RandomState(seed).randint(0, 255, (96, 128, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise).resize((1024, 768), Image.Resampling.BICUBIC).save(out, "JPEG", quality=90)
    return out.getvalue()


def _by_hand(model, files, clicks, device, *, once):
    """Return seconds of a plain loop; masks go to PNG files, as the server's do."""
    import torch

    from samframe.server.engines.sam.pixels import Preprocessing

    preprocessing, out = Preprocessing(side_px=1024), []
    with _timed(out), torch.inference_mode():
        for raw in files:
            rgb = np.asarray(Image.open(io.BytesIO(raw)).convert("RGB"))
            pixels = preprocessing.tensor(rgb).to(device)
            embeddings = model.get_image_embeddings(pixels) if once else None
            for x, y in clicks:
                known = {"image_embeddings": embeddings} if once else {"pixel_values": pixels}
                scaled = torch.tensor([[[[x * 1024 / rgb.shape[1], y * 1024 / rgb.shape[0]]]]], device=device)
                got = model(
                    **known,
                    input_points=scaled,
                    input_labels=torch.ones(1, 1, 1, dtype=torch.int64, device=device),
                )
                best = got.pred_masks[0, 0, int(got.iou_scores[0, 0].argmax())]
                full = torch.nn.functional.interpolate(
                    best.cpu()[None, None], size=rgb.shape[:2], mode="bilinear", align_corners=False
                )
                mask = (full[0, 0] > 0).numpy()
                Image.fromarray(mask.astype(np.uint8) * 255).save(io.BytesIO(), "PNG", compress_level=1)
    return tuple(out)


def _served(folder, files, clicks, device):
    """Return seconds of the same over HTTP, eight jobs at a time, and how many images were encoded."""
    from samframe.server import LocalServer, ServerConfig
    from samframe.server.engines.sam import load_sam

    engine, out, local = load_sam(folder, device=device), [], threading.local()
    with LocalServer(ServerConfig(engine=engine, api_key=KEY)) as server:

        def ask(job):
            raw, point = job
            if not hasattr(local, "http"):
                local.http = httpx.Client(base_url=server.base_url, headers={"x-api-key": KEY}, timeout=900)
            body = {
                "image": base64.b64encode(raw).decode(),
                "coordinates": json.dumps(point),
                "overlay_mask": False,
            }
            one = local.http.post("/v2/sam-v2-image", json=body).json()["request_id"]
            wait = 0.02
            while local.http.get(f"/v2/requests/{one}/status").json()["status"] in {"QUEUED", "PROCESSING"}:
                time.sleep(wait)
                wait = min(0.5, wait * 1.5)
            url = local.http.get(f"/v2/requests/{one}").json()["output"]
            return len(local.http.get(url).content)

        jobs = [(raw, click) for raw in files for click in clicks]
        with _timed(out), ThreadPoolExecutor(8) as pool:
            sizes = list(pool.map(ask, jobs))
    assert all(sizes)
    return tuple(out), engine.n_encodes


if __name__ == "__main__":
    sys.exit(main())
