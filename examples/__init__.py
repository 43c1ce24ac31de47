"""Scripts to copy, and the entry for `accelerate launch`."""
