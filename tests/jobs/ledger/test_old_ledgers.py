"""A ledger of the first schema: read as it is, its unreadable outputs become readable, stored rows stay free."""

from __future__ import annotations

import hashlib
import io
import sqlite3

import numpy as np
from PIL import Image

from samframe.jobs import Ledger, examine_store

RAW_HW = (32, 32)


def old_store(world):
    """Make a store as the first schema had it: two stored rows, one failed for its output, one refused."""
    world.run(2)
    with Ledger(world.store) as ledger:
        keys = [record["key"] for record in ledger.records()]
    pixels = np.zeros((*RAW_HW, 4), np.uint8)
    pixels[4:20, 4:20] = np.random.RandomState(0).randint(0, 255, (16, 16, 4))
    pixels[4:20, 4:20, 3] = 255
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    name = hashlib.sha256(out.getvalue()).hexdigest()
    raw = world.store / "artifacts" / name[:2] / name
    raw.parent.mkdir(parents=True, exist_ok=True)
    raw.write_bytes(out.getvalue())
    database = sqlite3.connect(world.store / "ledger.sqlite3")
    text = (
        "The job finished and it was billed $0.002, but its output is unusable: no mask; the raw output is kept as "
        f'artifact {name[:12]}. retry="failed" pays for it again.'
    )
    with database:
        database.execute(
            "UPDATE jobs SET state = 'failed', error = ?, artifact = NULL, mask_counts = NULL WHERE key = ?",
            [text, keys[0]],
        )
        database.execute("DELETE FROM about WHERE name LIKE 'read%'")
        for column in ("raw", "raw_bytes", "reader"):
            database.execute(f"ALTER TABLE jobs DROP COLUMN {column}")
        database.execute("PRAGMA user_version = 1")
    database.close()
    return keys, raw


def test_an_old_ledger_is_brought_up_to_date(world):
    """The row that had failed for its output is unread, with its file, and no word of paying again."""
    keys, raw = old_store(world)
    before = {finding.what for finding in examine_store(world.store)}
    with Ledger(world.store) as ledger:
        listed = ledger.to_frame().set_index("key")

    assert "artifacts" in before
    assert listed.loc[keys[0], "state"] == "unread"
    assert listed.loc[keys[0], "artifact_path"] == str(raw)
    assert "retry=" not in listed.loc[keys[0], "error"]
    assert listed.loc[keys[1], "state"] == "stored"


def test_what_had_failed_is_read_for_nothing(world):
    """With the right reader the old output becomes a mask; the stored row asks for nothing."""
    old_store(world)
    submits = world.server.counters.submits
    out = world.run(2, reader="alpha")

    assert out["status"].tolist() == ["completed"] * 2, out["error"].tolist()
    assert world.server.counters.submits == submits
    assert min(mask.area for mask in out["mask"]) > 0


def test_an_old_store_needs_no_trial(world):
    """What was read before proves the deployment: many jobs go out at once, as ever."""
    old_store(world)
    from samframe.jobs.ledger import proof_name  # noqa: PLC0415 - here only

    with Ledger(world.store) as ledger:
        name = proof_name(base=world.client.identity, model="sam-v2-image")
        assert ledger.is_proven(name)
