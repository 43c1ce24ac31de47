"""The local Hub answers as clients expect of the real one."""

import json
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from .repositories import File, HubError, Repository

DIRECT = build_opener(ProxyHandler({}))
HEADER = {"key": "header", "value": {"summary": "a commit"}}


def ask(hub, method, path, body=None, token="hf_of_user", **headers):
    """Send a request and return the status, headers and content of the answer."""
    if token:
        headers["Authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    try:
        with DIRECT.open(Request(hub.url + path, data, headers, method=method)) as answer:
            return answer.status, answer.headers, answer.read()
    except HTTPError as error:
        return error.code, error.headers, error.read()


@pytest.fixture
def repository(hub):
    repository = Repository("models", "user/toy", private=True)
    content = {"key": "file", "value": {"path": "a/b.txt", "content": "MDEyMzQ1Njc4OQ=="}}
    repository.commit("main", [HEADER, content], {})
    hub.repositories["models", "user/toy"] = repository
    return repository


@pytest.mark.parametrize(
    ("path", "token", "status", "code"),
    [
        ("/api/models/user/toy", "hf_of_user", 200, None),
        ("/api/models/user/toy", "hf_of_other", 404, "RepoNotFound"),
        ("/api/models/user/toy", "", 401, "RepoNotFound"),
        ("/api/models/user/absent", "hf_of_user", 404, "RepoNotFound"),
        ("/api/models/user/toy/revision/v9", "hf_of_user", 404, "RevisionNotFound"),
        ("/api/models/user/toy/tree/main/absent", "hf_of_user", 404, "EntryNotFound"),
        ("/user/toy/resolve/v9/a/b.txt", "hf_of_user", 404, "RevisionNotFound"),
        ("/user/toy/resolve/main/absent", "hf_of_user", 404, "EntryNotFound"),
        ("/user/toy/resolve/main/a/b.txt", "hf_wrong", 401, None),
    ],
)
def test_errors_have_the_codes_that_clients_read(hub, repository, path, token, status, code):
    found, headers, content = ask(hub, "GET", path, token=token)
    assert (found, headers["X-Error-Code"]) == (status, code)
    assert ("error" in json.loads(content)) == (status != 200)


def test_a_part_of_a_file(hub, repository):
    path = "/user/toy/resolve/main/a/b.txt"
    status, headers, content = ask(hub, "GET", path, Range="bytes=3-5")
    assert (status, content, headers["Content-Range"]) == (206, b"345", "bytes 3-5/10")
    assert headers["X-Repo-Commit"] == repository.branches["main"]
    assert ask(hub, "GET", path, Range="bytes=7-99")[2] == b"789"
    assert ask(hub, "GET", path, Range="bytes=10-")[0] == 416
    status, headers, content = ask(hub, "HEAD", path)
    assert (status, content, headers["Content-Length"]) == (200, b"", "10")


def test_others_may_not_write(hub, repository):
    repository.private = False
    for token, status in (("hf_of_other", 403), ("", 401)):
        path = "/api/models/user/toy/commit/main"
        assert ask(hub, "POST", path, HEADER, token=token)[0] == status
    assert ask(hub, "POST", "/api/models/user/toy/commit/main", HEADER)[0] == 200


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ([{"key": "header", "value": {"summary": "", "parentCommit": "0" * 40}}], 412),
        ([HEADER, {"key": "lfsFile", "value": {"path": "x.bin", "oid": "0" * 64}}], 400),
        ([HEADER, {"key": "deletedFile", "value": {"path": "absent"}}], 404),
    ],
)
def test_a_refused_commit_changes_nothing(repository, lines, status):
    first = {"key": "deletedFolder", "value": {"path": "a"}}
    with pytest.raises(HubError) as refused:
        repository.commit("main", [*lines[:1], first, *lines[1:]], {})
    assert refused.value.status == status
    assert repository.files().keys() == {".gitattributes", "a/b.txt"}
    assert repository.titles == ["initial commit", "a commit"]


def test_a_card_with_a_wrong_model_index_is_refused(hub):
    card = "---\nmodel-index:\n- name: toy\n  results:\n  - task: 1\n---\n"
    body = {"content": card, "repoType": "model"}
    status, _, content = ask(hub, "POST", "/api/validate-yaml", body)
    assert status == 400
    assert json.loads(content)["errors"]


def test_a_file_has_its_checksum_in_git():
    # `printf hello | git hash-object --stdin`
    assert File(b"hello", False).git_oid == "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0"
