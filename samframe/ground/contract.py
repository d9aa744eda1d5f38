"""Constants of Segmind's API contract, shared by the client and the local server. No behaviour lives here."""

from __future__ import annotations

__all__ = [
    "API_HOST",
    "API_KEY_HEADER",
    "DEFAULT_MODEL",
    "HISTORY_HOST",
    "JOB_PRICE_USD",
    "JOB_SECONDS",
    "MAX_IMAGE_SIDE_PX",
    "OUTPUT_DAYS",
    "OUTPUT_HOST",
    "RECORD_SECONDS",
    "RESET_HEADER",
    "STORAGE_HOST",
]

API_HOST = "https://api.segmind.com"
STORAGE_HOST = "https://workflows-api.segmind.com"
HISTORY_HOST = "https://api.spotprod.segmind.com"
OUTPUT_HOST = "https://images.segmind.com"

API_KEY_HEADER = "x-api-key"
RESET_HEADER = "x-rate-limit-reset-at-utc"
DEFAULT_MODEL = "sam-v2-image"

#: Published figures for one job of the default model.
JOB_PRICE_USD = 0.002
JOB_SECONDS = 1.7

#: The longest side the API takes.
MAX_IMAGE_SIDE_PX = 2048
#: A job's record can be asked for this long after its submission.
RECORD_SECONDS = 3600
#: An output file is kept this long.
OUTPUT_DAYS = 7
