"""PNG files in and out, and from their bytes straight to a mask."""
