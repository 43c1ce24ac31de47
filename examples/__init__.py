"""Scripts to copy. Installed as `synctva.examples`, which the command `synctva` runs."""
