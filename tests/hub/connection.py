"""A connection to the local Hub: routing, answers and permissions."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

from .repositories import HubError, Repository

if TYPE_CHECKING:
    from .server import Hub


class Connection(BaseHTTPRequestHandler):
    """Calls the route of each request.

    Attributes:
        hub: the Hub, whose state the routes read and change.
        routes: (method, pattern of the path, function); HEAD is served like GET.
        query, body, user: of the current request.
    """

    protocol_version = "HTTP/1.1"
    hub: Hub
    routes: ClassVar[list[tuple[str, str, Callable[..., None]]]]

    def serve(self) -> None:
        address = urlsplit(self.path)
        self.query = parse_qs(address.query)
        self.hub.requests.append((self.command, address.path))
        try:
            # The route of large files reads their content itself, and may stop in the middle.
            self.body = b"" if self.command == "PUT" else self.read()
            route, arguments = self._route(address.path)
            self.user = self._authenticate()
            route(self, **arguments)
        except HubError as error:
            self.close_connection = self.close_connection or self.command == "PUT"  # unread
            self.answer(error.body, error.status, error.headers)
        except ConnectionError:
            self.close_connection = True  # the client has disconnected

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = serve

    def _route(self, path: str) -> tuple[Callable[..., None], dict[str, str]]:
        command = "GET" if self.command == "HEAD" else self.command
        for method, pattern, route in self.routes:
            match = re.fullmatch(pattern, path)
            if method == command and match:
                return route, {k: unquote(v) for k, v in match.groupdict().items() if v}
        self.hub.unknown.append((self.command, path))
        raise HubError(501, f"{self.command} {path}: unknown route")

    def log_message(self, format: str, *arguments: Any) -> None:
        """Do not print requests."""

    def read(self, limit: int | None = None) -> bytes:
        """Read the body of the request, or its first `limit` bytes."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
                if limit is not None and sum(map(len, parts)) >= limit:
                    break
            else:
                self.rfile.readline()
            return b"".join(parts)
        length = int(self.headers.get("Content-Length", 0))
        return self.rfile.read(length if limit is None else min(limit, length))

    def answer(
        self, content: Any, status: int = 200, headers: dict[str, str] | None = None
    ) -> None:
        """Send bytes unchanged, and anything else as JSON."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        kind = "application/octet-stream" if content is body else "application/json"
        lengths = {"Content-Type": kind, "Content-Length": str(len(body))}
        self.send_response(status)
        for name, value in {**lengths, **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    # Permissions

    def _authenticate(self) -> str | None:
        """Return the user of the request's token; None without a token."""
        header = self.headers.get("Authorization")
        if header is None:
            return None
        token = header.removeprefix("Bearer ")
        if token not in self.hub.tokens:
            raise HubError(401, "Invalid credentials in Authorization header")
        return self.hub.tokens[token]

    def repository(self, kind: str, name: str, write: bool = False) -> Repository:
        repository = self.hub.repositories.get((kind, name))
        if repository is None or (repository.private and repository.owner != self.user):
            # Like the real Hub: a private repository looks like one that does not exist.
            status = 401 if self.user is None else 404
            raise HubError(status, "Repository not found", "RepoNotFound")
        if write:
            self.may_write(repository.owner)
        return repository

    def may_write(self, owner: str) -> None:
        if self.user is None:
            raise HubError(401, "Invalid username or password.")
        if self.user != owner:
            raise HubError(403, f"You don't have the rights to write in the namespace {owner!r}")
