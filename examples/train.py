"""Train Sync-TVA, on one process or on several.

    accelerate launch examples/train.py --dataset meld --data_dir <folder with MELD's CSVs>

The entry for launchers, which want a file; `synctva train` takes the same options.
"""

import sys

from synctva.commands.train import main

if __name__ == "__main__":
    main(sys.argv[1:])
