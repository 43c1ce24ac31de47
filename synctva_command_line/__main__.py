"""`python -m synctva_command_line` is the command `synctva`."""

from . import main

raise SystemExit(main())
