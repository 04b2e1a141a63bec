from __future__ import annotations

import httpx
import pytest

from wsi_lab.connecting import connect
from wsi_lab.errors import Invalid, NotIdentified, SourceUnavailable

NOTEBOOK = {
    "WSI_LAB_URL": "http://127.0.0.1:8888/a%40b/wsi-lab/",
    "WSI_LAB_TOKEN": "wsi_of_this_notebook",
    "WSI_LAB_BASE_URL": "/a%40b/",
}


class Answering:
    """A lab that only remembers what it was asked."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(200, json={"version": "0", "api": 1, "user": {}})


@pytest.fixture
def answering() -> Answering:
    return Answering()


def connected(answering, *arguments, environment, **options):
    transport = httpx.MockTransport(answering)
    return connect(*arguments, environment=environment, transport=transport, **options)


def test_notebook_finds_its_own_server(answering):
    lab = connected(answering, environment=NOTEBOOK)
    assert lab.url == NOTEBOOK["WSI_LAB_URL"]
    request = answering.requests[-1]
    assert request.headers["Authorization"] == "Bearer wsi_of_this_notebook"
    assert request.url.raw_path == b"/a%40b/wsi-lab/v1/me"


def test_token_of_the_notebook_goes_to_no_other_server(answering):
    connected(answering, "http://elsewhere.test/wsi-lab/", environment=NOTEBOOK)
    assert all("Authorization" not in request.headers for request in answering.requests)


def test_own_address_said_plainly_is_still_the_own_server(answering):
    connected(answering, NOTEBOOK["WSI_LAB_URL"].rstrip("/"), environment=NOTEBOOK)
    assert answering.requests[-1].headers["Authorization"] == "Bearer wsi_of_this_notebook"


def test_said_token_is_used(answering):
    connected(answering, "http://elsewhere.test", "wsi_x", environment=NOTEBOOK)
    assert answering.requests[-1].headers["Authorization"] == "Bearer wsi_x"


def test_token_is_used_without_the_line_end_it_was_copied_with(answering):
    connected(answering, "http://elsewhere.test", "wsi_x\n", environment={})
    assert answering.requests[-1].headers["Authorization"] == "Bearer wsi_x"


@pytest.mark.parametrize("token", ["wsi_…", "wsi_a b", "wsi_a\nb"])
def test_text_that_cannot_be_a_token_is_a_sentence(answering, token):
    with pytest.raises(Invalid, match="not a token"):
        connected(answering, "http://elsewhere.test", token, environment={})


def test_missing_token_is_asked_for():
    def refusing(_: httpx.Request) -> httpx.Response:
        return httpx.Response(401)

    with pytest.raises(NotIdentified, match="token create"):
        connected(refusing, "http://elsewhere.test", environment={})


def test_closed_lab_says_so(answering):
    lab = connected(answering, environment=NOTEBOOK)
    lab.close()
    with pytest.raises(SourceUnavailable, match="closed"):
        _ = lab.version


def test_outside_of_a_notebook_the_way_in_is_explained():
    with pytest.raises(SourceUnavailable, match=r"wsi_lab\.connect\(") as caught:
        connect(environment={})
    assert "JupyterLab" in str(caught.value)


def test_nothing_listening_is_a_sentence():
    with pytest.raises(SourceUnavailable, match="does not answer"):
        connect("http://127.0.0.1:9/wsi-lab/", "wsi_x", environment={})
