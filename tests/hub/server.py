"""A local Hub for unmodified clients.

It serves the requests of `huggingface_hub`, `transformers` and `datasets` for uploads and
downloads, with git LFS for large files. Clients must switch off Xet, which the real Hub prefers
(`HF_HUB_DISABLE_XET=1`). Unknown requests are answered with status 501 and listed in `Hub.unknown`,
so that tests can find them.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Callable
from http.server import ThreadingHTTPServer
from urllib.parse import parse_qs

from huggingface_hub import DatasetCard, ModelCard

from .connection import Connection
from .repositories import File, HubError, Repository, is_large

_KIND = r"(?P<kind>models|datasets)"
_NAME = r"(?P<name>[^/]+/[^/]+)"
_REVISION = r"(?P<revision>[^/]+)"  # percent-encoded, so a branch name has no slash

_DATE = "2025-01-01T00:00:00.000Z"


class Hub:
    """The state of the Hub, and its server.

    Args:
        tokens: the user of each token.

    Attributes:
        url: value for `HF_ENDPOINT`.
        repositories: by ("models" | "datasets", "user/name").
        large: contents of the large files, by SHA-256.
        requests: (method, path) of each request, in order.
        unknown: the requests without a route.
        uploads: checksum of each large file whose upload began, in order and including retries.
        drop_upload: whether the connection breaks in the middle of the upload with this number,
            counted from 1. Tests set it.
    """

    def __init__(self, tokens: dict[str, str]):
        self.tokens = tokens
        self.repositories: dict[tuple[str, str], Repository] = {}
        self.large: dict[str, bytes] = {}
        self.requests: list[tuple[str, str]] = []
        self.unknown: list[tuple[str, str]] = []
        self.uploads: list[str] = []
        self.drop_upload: Callable[[int], bool] = lambda number: False
        self.lock = threading.RLock()
        handler = type("Handler", (_Routes,), {"hub": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self) -> Hub:
        # Poll often, so that closing does not take half a second.
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def model(self, name: str) -> Repository:
        return self.repositories["models", name]

    def dataset(self, name: str) -> Repository:
        return self.repositories["datasets", name]


class _Routes(Connection):
    # Users and repositories

    def whoami(self) -> None:
        if self.user is None:
            raise HubError(401, "Invalid username or password.")
        self.answer({"type": "user", "name": self.user, "orgs": [], "auth": {}})

    def create_repository(self) -> None:
        request = json.loads(self.body)
        owner = request.get("organization") or self.user
        self.may_write(owner)
        kind, name = request.get("type", "model") + "s", f"{owner}/{request['name']}"
        prefix = "" if kind == "models" else f"{kind}/"
        answer = {"url": f"{self.hub.url}/{prefix}{name}", "name": name, "id": name}
        with self.hub.lock:
            if (kind, name) in self.hub.repositories:
                raise HubError(409, "You already created this repo", body=answer)
            private = request.get("visibility") == "private"
            self.hub.repositories[kind, name] = Repository(kind, name, private)
        self.answer(answer)

    def delete_repository(self) -> None:
        request = json.loads(self.body)
        kind = request.get("type", "model") + "s"
        name = f"{request.get('organization') or self.user}/{request['name']}"
        with self.hub.lock:
            self.repository(kind, name, write=True)
            del self.hub.repositories[kind, name]
        self.answer({})

    def info(self, kind: str, name: str, revision: str = "main") -> None:
        repository = self.repository(kind, name)
        files = repository.files(revision)
        self.answer(
            {
                "_id": "0",
                "id": name,
                "author": repository.owner,
                "sha": repository.resolve(revision),
                "private": repository.private,
                "gated": False,
                "disabled": False,
                "downloads": 0,
                "likes": 0,
                "tags": [],
                "createdAt": _DATE,
                "lastModified": _DATE,
                "siblings": [{"rfilename": path} for path in sorted(files)],
            }
        )

    def refs(self, kind: str, name: str) -> None:
        repository = self.repository(kind, name)
        groups = {"branches": ("heads", repository.branches), "tags": ("tags", repository.tags)}
        answer = {
            group: [
                {"name": ref, "ref": f"refs/{folder}/{ref}", "targetCommit": commit}
                for ref, commit in references.items()
            ]
            for group, (folder, references) in groups.items()
        }
        self.answer({**answer, "converts": []})

    def create_branch(self, kind: str, name: str, revision: str) -> None:
        start = json.loads(self.body or b"{}").get("startingPoint", "main")
        self._add_reference(kind, name, "branches", revision, start)

    def create_tag(self, kind: str, name: str, revision: str) -> None:
        self._add_reference(kind, name, "tags", json.loads(self.body)["tag"], revision)

    def _add_reference(self, kind: str, name: str, group: str, ref: str, revision: str) -> None:
        with self.hub.lock:
            repository = self.repository(kind, name, write=True)
            references = getattr(repository, group)
            if ref in references:
                raise HubError(409, f"Reference {ref} already exists")
            references[ref] = repository.resolve(revision)
        self.answer({})

    # Upload

    def validate_yaml(self) -> None:
        """Check the metadata of a card with the client library."""
        request = json.loads(self.body)
        card = DatasetCard if request["repoType"] == "dataset" else ModelCard
        try:
            data = card(request["content"], ignore_metadata_errors=False).data.to_dict()
        except Exception as error:  # any error is in the sender's text
            failure = {"errors": [{"message": f"{type(error).__name__}: {error}"}], "warnings": []}
            raise HubError(400, "Invalid metadata", body=failure) from error
        warning = {"message": "empty or missing yaml metadata in repo card"}
        self.answer({"errors": [], "warnings": [] if data else [warning]})

    def preupload(self, kind: str, name: str, revision: str) -> None:
        files = self.repository(kind, name, write=True).files(revision)
        answer = []
        for entry in json.loads(self.body)["files"]:
            sample = base64.b64decode(entry["sample"])
            large = is_large(entry["path"], entry["size"], sample)
            known = files.get(entry["path"])
            answer.append(
                {
                    "path": entry["path"],
                    "uploadMode": "lfs" if large else "regular",
                    "shouldIgnore": False,
                    "oid": known.oid if known else None,
                }
            )
        self.answer({"files": answer})

    def large_batch(self, name: str, kind: str = "models") -> None:
        """Answer where to upload large files; those already uploaded get no action."""
        self.repository(kind, name, write=True)
        objects = []
        for wanted in json.loads(self.body)["objects"]:
            entry = {"oid": wanted["oid"], "size": wanted["size"]}
            if wanted["oid"] not in self.hub.large:
                address = f"{self.hub.url}/storage/{wanted['oid']}"
                actions = {"upload": {"href": address}, "verify": {"href": f"{address}/verify"}}
                entry["actions"] = actions
            objects.append(entry)
        self.answer({"transfer": "basic", "objects": objects})

    def put_large(self, oid: str) -> None:
        with self.hub.lock:
            self.hub.uploads.append(oid)
            number = len(self.hub.uploads)
        if self.hub.drop_upload(number):
            self.read(limit=1)
            self.close_connection = True  # without an answer
            return
        content = self.read()
        if hashlib.sha256(content).hexdigest() != oid:
            raise HubError(400, f"the checksum of the content is not {oid}")
        with self.hub.lock:
            self.hub.large[oid] = content
        self.answer(b"")

    def verify_large(self, oid: str) -> None:
        content = self.hub.large.get(oid)
        if content is None or len(content) != json.loads(self.body)["size"]:
            raise HubError(404, f"{oid} has not been uploaded")
        self.answer({})

    def commit(self, kind: str, name: str, revision: str) -> None:
        lines = [json.loads(line) for line in self.body.splitlines()]
        with self.hub.lock:
            repository = self.repository(kind, name, write=True)
            commit = repository.commit(revision, lines, self.hub.large)
        address = f"{self.hub.url}/{name}/commit/{commit}"
        self.answer({"success": True, "commitUrl": address, "commitOid": commit})

    # Download

    def tree(self, kind: str, name: str, revision: str, folder: str = "") -> None:
        repository = self.repository(kind, name)
        recursive = self.query.get("recursive", ["false"])[0].lower() in ("true", "1")
        self.answer(repository.listing(revision, folder, recursive))

    def paths_info(self, kind: str, name: str, revision: str) -> None:
        repository = self.repository(kind, name)
        wanted = parse_qs(self.body.decode()).get("paths", [])
        entries = repository.listing(revision, recursive=True)
        self.answer([entry for entry in entries if entry["path"] in wanted])

    def resolve(self, name: str, revision: str, path: str, kind: str = "models") -> None:
        """Answer with a file, or the part of it that a Range header requests."""
        repository = self.repository(kind, name)
        commit = repository.resolve(revision)
        headers = {"X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
        file: File | None = repository.commits[commit].get(path)
        if file is None:
            raise HubError(404, "Entry not found", "EntryNotFound", headers)
        headers["ETag"] = f'"{file.oid}"'
        size = len(file.content)
        if file.large:
            headers |= {"X-Linked-Etag": f'"{file.oid}"', "X-Linked-Size": str(size)}
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if match is None:
            self.answer(file.content, headers=headers)
            return
        first = int(match[1])
        last = min(int(match[2]) if match[2] else size - 1, size - 1)
        if first >= size:
            raise HubError(
                416, "Range not satisfiable", headers={"Content-Range": f"bytes */{size}"}
            )
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
        self.answer(file.content[first : last + 1], 206, headers)


_Routes.routes = [
    ("GET", "/api/whoami-v2", _Routes.whoami),
    ("POST", "/api/repos/create", _Routes.create_repository),
    ("DELETE", "/api/repos/delete", _Routes.delete_repository),
    ("POST", "/api/validate-yaml", _Routes.validate_yaml),
    ("GET", f"/api/{_KIND}/{_NAME}", _Routes.info),
    ("GET", f"/api/{_KIND}/(?P<name>[^/]+)", _Routes.info),  # without a user: does not exist
    ("GET", f"/api/{_KIND}/{_NAME}/revision/{_REVISION}", _Routes.info),
    ("GET", f"/api/{_KIND}/{_NAME}/refs", _Routes.refs),
    ("POST", f"/api/{_KIND}/{_NAME}/branch/{_REVISION}", _Routes.create_branch),
    ("POST", f"/api/{_KIND}/{_NAME}/tag/{_REVISION}", _Routes.create_tag),
    ("POST", f"/api/{_KIND}/{_NAME}/preupload/{_REVISION}", _Routes.preupload),
    ("POST", f"/api/{_KIND}/{_NAME}/commit/{_REVISION}", _Routes.commit),
    ("GET", f"/api/{_KIND}/{_NAME}/tree/{_REVISION}(/(?P<folder>.+))?", _Routes.tree),
    ("POST", f"/api/{_KIND}/{_NAME}/paths-info/{_REVISION}", _Routes.paths_info),
    ("POST", rf"(/(?P<kind>datasets))?/{_NAME}\.git/info/lfs/objects/batch", _Routes.large_batch),
    ("PUT", "/storage/(?P<oid>[0-9a-f]{64})", _Routes.put_large),
    ("POST", "/storage/(?P<oid>[0-9a-f]{64})/verify", _Routes.verify_large),
    ("GET", f"(/(?P<kind>datasets))?/{_NAME}/resolve/{_REVISION}/(?P<path>.+)", _Routes.resolve),
]
