"""The repositories of the Hub, with commits, branches and tags."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

LARGE_SUFFIXES = (".safetensors", ".bin", ".pt", ".pth", ".pkl", ".npz", ".parquet", ".arrow")
"""Those suffixes of the Hub's default `.gitattributes` for LFS that occur in the tests."""

LARGE_SIZE = 10 * 2**20
"""Files with more bytes than this are stored in LFS regardless of their name."""

Tree = dict[str, "File"]
"""The files of a commit, by path."""


class HubError(Exception):
    """An error, in the form in which the Hub answers.

    Args:
        status: HTTP status.
        message: text for users, in the body and in `X-Error-Message`.
        code: `X-Error-Code`, by which clients distinguish a missing file from a missing repository.
        headers: further headers of the answer.
        body: further fields of its JSON.
    """

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ):
        super().__init__(message)
        self.status = status
        self.headers = {"X-Error-Message": message, **(headers or {})}
        if code is not None:
            self.headers["X-Error-Code"] = code
        self.body = {"error": message, **(body or {})}


def is_large(path: str, size: int, sample: bytes) -> bool:
    """Return whether a file is uploaded separately with LFS, and not sent with its commit."""
    return path.endswith(LARGE_SUFFIXES) or size > LARGE_SIZE or b"\0" in sample


@dataclass(frozen=True)
class File:
    content: bytes
    large: bool

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @cached_property
    def git_oid(self) -> str:
        """The id of the file in git, which stores only a pointer for a large file."""
        content = self._pointer if self.large else self.content
        return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()

    @property
    def oid(self) -> str:
        """The id that clients compare with their own copy and use as its name in their cache."""
        return self.sha256 if self.large else self.git_oid

    @property
    def _pointer(self) -> bytes:
        lines = ("version https://git-lfs.github.com/spec/v1", f"oid sha256:{self.sha256}")
        return "\n".join((*lines, f"size {len(self.content)}", "")).encode()

    def described(self, path: str) -> dict[str, Any]:
        """Return the file's entry in a listing."""
        entry: dict[str, Any] = {
            "type": "file",
            "path": path,
            "size": len(self.content),
            "oid": self.git_oid,
        }
        if self.large:
            entry["lfs"] = {
                "oid": self.sha256,
                "size": len(self.content),
                "pointerSize": len(self._pointer),
            }
        return entry


@dataclass
class Repository:
    """A model or data set.

    Attributes:
        kind: "models" or "datasets".
        name: "user/name".
        private: whether only its owner sees it.
        commits: the files of each commit by its id, oldest first.
        titles: the titles of the commits, in the same order.
        branches, tags: the ids of their commits.
    """

    kind: str
    name: str
    private: bool = False
    commits: dict[str, Tree] = field(default_factory=dict)
    titles: list[str] = field(default_factory=list)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def __post_init__(self):
        rules = "".join(f"*{suffix} filter=lfs\n" for suffix in LARGE_SUFFIXES)
        self._add_commit("main", "initial commit", {".gitattributes": File(rules.encode(), False)})

    @property
    def owner(self) -> str:
        return self.name.split("/")[0]

    def resolve(self, revision: str) -> str:
        """Return the id of the commit that a branch, a tag or a commit id names."""
        for references in (self.branches, self.tags):
            if revision in references:
                return references[revision]
        if revision in self.commits:
            return revision
        raise HubError(404, f"Invalid rev id: {revision}", "RevisionNotFound")

    def files(self, revision: str = "main") -> Tree:
        return self.commits[self.resolve(revision)]

    def listing(self, revision: str, folder: str = "", recursive: bool = False) -> list[dict]:
        """List the files and folders in a folder, and if recursive those in its subfolders."""
        inside = f"{folder}/" if folder else ""
        entries: dict[str, dict[str, Any]] = {}
        for path, file in sorted(self.files(revision).items()):
            if not path.startswith(inside):
                continue
            names = path[len(inside) :].split("/")
            for depth in range(1, len(names)):
                parent = inside + "/".join(names[:depth])
                oid = hashlib.sha1(parent.encode()).hexdigest()
                entries[parent] = {"type": "directory", "path": parent, "size": 0, "oid": oid}
                if not recursive:
                    break
            if recursive or len(names) == 1:
                entries[path] = file.described(path)
        if folder and not entries:
            raise HubError(404, f"{folder} does not exist on {revision}", "EntryNotFound")
        return list(entries.values())

    def commit(
        self, branch: str, lines: Iterable[Mapping[str, Any]], large: Mapping[str, bytes]
    ) -> str:
        """Add a commit with all changes of a request, or raise an error and change nothing.

        Args:
            branch: the branch to commit to.
            lines: {"key": "header" | "file" | "lfsFile" | "deletedFile" | "deletedFolder",
                "value": ...}.
            large: contents of the uploaded large files, by checksum.

        Returns:
            The id of the commit.

        Raises:
            HubError: the branch, a file or an upload is missing, or the branch has moved.
        """
        if branch not in self.branches:
            raise HubError(404, f"Invalid rev id: {branch}", "RevisionNotFound")
        tree, title = dict(self.files(branch)), ""
        for line in lines:
            key, value = line["key"], line["value"]
            if key == "header":
                title = value["summary"]
                if value.get("parentCommit", self.branches[branch]) != self.branches[branch]:
                    raise HubError(
                        412, "A commit has happened since. Please refresh and try again."
                    )
            elif key == "file":
                tree[value["path"]] = File(base64.b64decode(value["content"]), False)
            elif key == "lfsFile":
                if value["oid"] not in large:
                    raise HubError(
                        400, f"LFS pointer pointed to a file that does not exist: {value}"
                    )
                tree[value["path"]] = File(large[value["oid"]], True)
            elif key == "deletedFile":
                if tree.pop(value["path"], None) is None:
                    raise HubError(404, "A file with this name doesn't exist", "EntryNotFound")
            elif key == "deletedFolder":
                folder = value["path"].rstrip("/") + "/"
                tree = {path: file for path, file in tree.items() if not path.startswith(folder)}
            else:
                raise HubError(400, f"Invalid commit operation: {key}")
        return self._add_commit(branch, title, tree)

    def _add_commit(self, branch: str, title: str, tree: Tree) -> str:
        content = repr((self.kind, self.name, branch, len(self.commits), title))
        commit = hashlib.sha1(content.encode()).hexdigest()
        self.commits[commit] = tree
        self.titles.append(title)
        self.branches[branch] = commit
        return commit
