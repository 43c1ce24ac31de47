"""Upload a folder; run, and killed, by `test_uploads.py`.

    python uploads_program.py <folder> <name on the Hub>

It calls the same function as a trainer, without the seconds that importing torch takes.
"""

import sys

from huggingface_hub import HfApi

api = HfApi()
api.create_repo(sys.argv[2], exist_ok=True)
print(api.upload_folder(repo_id=sys.argv[2], folder_path=sys.argv[1]).oid)
