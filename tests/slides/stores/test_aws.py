"""Credentials from all the places where Amazon's tools look, and what is done with them."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from waiting import wait_until

from bench.object_faults import Fault, Trouble
from bench.object_server import ObjectServer
from wsi_lab.errors import SourceRefused, SourceTimeout, SourceUnavailable
from wsi_lab.model.source import Source
from wsi_lab.slides.stores import StoreLimits, aws
from wsi_lab.slides.stores.aws import AwsAccess, Credentials

ROLE = "/latest/meta-data/iam/security-credentials/"


class Place:
    """Hands out credentials: what each method and path answers, and what was asked."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], str] = {}
        self.asked: list[tuple[str, str, dict[str, str], str]] = []
        self.released = threading.Event()
        self.released.set()
        self.url = ""


@pytest.fixture
def place() -> Iterator[Place]:
    place = Place()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def _answer(self) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
            place.asked.append((self.command, self.path, dict(self.headers.items()), sent))
            place.released.wait(30)
            text = place.answers.get((self.command, self.path.partition("?")[0]))
            body = (text or "").encode()
            head = (
                f"HTTP/1.1 {404 if text is None else 200} .\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            self.wfile.write(head.encode() + body)

        do_GET = do_PUT = do_POST = _answer  # noqa: N815 (the standard library's names)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    place.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield place
    place.released.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def _nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is named in the environment, and a container that says no is not waited for."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setattr("botocore.utils.ContainerMetadataFetcher.SLEEP_TIME", 0)


@pytest.fixture
def container(place: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A place that is the container's."""
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{place.url}/c")
    return place


def answer(name: str, lifetime: timedelta = timedelta(hours=1)) -> str:
    expires = (datetime.now(UTC) + lifetime).strftime("%Y-%m-%dT%H:%M:%SZ")
    return json.dumps(
        {"AccessKeyId": name, "SecretAccessKey": "hush", "Token": "t", "Expiration": expires}
    )


def soon() -> float:
    return time.monotonic() + 60


def access() -> AwsAccess:
    return AwsAccess(StoreLimits(), "us-east-1")


def found() -> Credentials:
    return access().credentials(soon())


def name_in_environment(monkeypatch: pytest.MonkeyPatch, **names: str) -> None:
    for name, text in names.items():
        monkeypatch.setenv(name, text)


def profiles(tmp_path: Path, *, credentials: str = "", config: str = "") -> None:
    (tmp_path / ".aws").mkdir(exist_ok=True)
    (tmp_path / ".aws" / "credentials").write_text(credentials)
    (tmp_path / ".aws" / "config").write_text(config)


def test_the_environment_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    profiles(tmp_path, credentials="[default]\naws_access_key_id = D\naws_secret_access_key = E\n")
    assert found() == Credentials("D", "E")
    name_in_environment(
        monkeypatch, AWS_ACCESS_KEY_ID="A", AWS_SECRET_ACCESS_KEY="B", AWS_SESSION_TOKEN="C"
    )
    assert found() == Credentials("A", "B", "C")


def test_profiles_have_keys_in_either_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    profiles(
        tmp_path,
        credentials="[default]\naws_access_key_id = A\naws_secret_access_key = B%(x)s\n"
        "[lab]\naws_access_key_id=C\naws_secret_access_key=D\naws_session_token=E\n",
        config="[profile other]\naws_access_key_id=F\naws_secret_access_key=G\nregion=eu-west-3\n",
    )
    assert found() == Credentials("A", "B%(x)s")
    assert access().region(soon()) is None
    monkeypatch.setenv("AWS_PROFILE", "lab")
    assert found() == Credentials("C", "D", "E")
    monkeypatch.setenv("AWS_PROFILE", "other")
    assert found() == Credentials("F", "G")
    assert access().region(soon()) == "eu-west-3"
    monkeypatch.delenv("AWS_PROFILE")
    file = tmp_path / "elsewhere"
    file.write_text("[default]\naws_access_key_id=H\naws_secret_access_key=I\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    assert found() == Credentials("H", "I")


def test_a_program_that_a_profile_names_is_asked(tmp_path: Path) -> None:
    (tmp_path / "answer").write_text(
        '{"Version": 1, "AccessKeyId": "P", "SecretAccessKey": "Q", "SessionToken": "R"}'
    )
    profiles(tmp_path, config=f"[default]\ncredential_process = cat {tmp_path / 'answer'}\n")
    assert found() == Credentials("P", "Q", "R")


@pytest.mark.parametrize(
    ("environment", "config", "words"),
    [
        ({}, "aws_access_key_id\n", "broken"),
        ({"AWS_PROFILE": "nobody"}, "", "in none of its files"),
        ({"AWS_ACCESS_KEY_ID": "A"}, "", "cannot be got"),
        ({}, "[default]\ncredential_process = /not/there\n", "cannot be got"),
        ({}, "[default]\ncredential_process = echo hush\n", "cannot be got"),
    ],
    ids=["broken", "no-profile", "half", "no-program", "odd-program"],
)
def test_what_is_wrong_with_settings_is_said_without_what_is_in_them(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    environment: dict[str, str],
    config: str,
    words: str,
) -> None:
    profiles(tmp_path, config=config)
    name_in_environment(monkeypatch, **environment)
    with pytest.raises(SourceRefused, match=words) as caught:
        found()
    for each in ("hush", "/", "nobody"):
        assert each not in caught.value.message


def test_a_web_identity_is_exchanged(
    place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("eyJ.a+b/c==")
    place.answers["POST", "/"] = (
        "<AssumeRoleWithWebIdentityResponse xmlns='https://sts.amazonaws.com/doc/2011-06-15/'>"
        "<AssumeRoleWithWebIdentityResult><Credentials>"
        "<AccessKeyId>W</AccessKeyId><SecretAccessKey>s/+=</SecretAccessKey>"
        "<SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>"
        "</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
    )
    name_in_environment(
        monkeypatch,
        AWS_WEB_IDENTITY_TOKEN_FILE=str(token),
        AWS_ROLE_ARN="arn:aws:iam::1:role/reader",
        AWS_ENDPOINT_URL_STS=place.url,
    )
    assert found() == Credentials("W", "s/+=", "t")
    asked = urllib.parse.parse_qs(place.asked[0][3])
    assert asked["WebIdentityToken"] == ["eyJ.a+b/c=="]
    assert asked["RoleArn"] == ["arn:aws:iam::1:role/reader"]


def test_a_place_that_nobody_answers_at_is_unavailable_and_soon_asked_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("eyJ.a")
    name_in_environment(
        monkeypatch,
        AWS_WEB_IDENTITY_TOKEN_FILE=str(tmp_path / "token"),
        AWS_ROLE_ARN="arn:aws:iam::1:role/reader",
        AWS_ENDPOINT_URL_STS="http://127.0.0.1:1",
    )
    asking = access()
    with pytest.raises(SourceUnavailable) as caught:
        asking.credentials(soon())
    assert not isinstance(caught.value, SourceRefused)
    name_in_environment(monkeypatch, AWS_ACCESS_KEY_ID="A", AWS_SECRET_ACCESS_KEY="B")
    assert asking.credentials(soon()) == Credentials("A", "B")


def test_a_container_has_some_for_who_holds_its_token(
    container: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    container.answers["GET", "/c"] = answer("C")
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "secret")
    assert found() == Credentials("C", "hush", "t")
    assert container.asked[0][2]["Authorization"] == "secret"


@pytest.mark.parametrize("host", ["example.com", "10.0.0.1", "169.254.169.254", "localhost.evil"])
def test_a_containers_token_goes_to_no_other_host(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    name_in_environment(
        monkeypatch,
        AWS_CONTAINER_CREDENTIALS_FULL_URI=f"http://{host}/v1",
        AWS_CONTAINER_AUTHORIZATION_TOKEN="secret",
    )
    with pytest.raises(SourceRefused):
        found()


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"AccessKeyId": 1}'])
def test_answers_without_credentials_are_none(container: Place, text: str) -> None:
    container.answers["GET", "/c"] = text
    with pytest.raises(SourceUnavailable):
        found()


def test_a_machine_has_some_by_its_role(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.answers["PUT", "/latest/api/token"] = "session"
    place.answers["GET", ROLE] = "lab-role"
    place.answers["GET", f"{ROLE}lab-role"] = answer("M")
    name_in_environment(
        monkeypatch,
        AWS_EC2_METADATA_DISABLED="false",
        AWS_EC2_METADATA_SERVICE_ENDPOINT=place.url,
    )
    assert found().access_key == "M"
    sent = {name.lower(): text for name, text in place.asked[2][2].items()}
    assert sent["x-aws-ec2-metadata-token"] == "session"


def test_a_machine_is_not_waited_for_long_whatever_the_environment_wants(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.released.clear()
    monkeypatch.setattr(aws, "_METADATA_SECONDS", 1)
    name_in_environment(
        monkeypatch,
        AWS_EC2_METADATA_DISABLED="false",
        AWS_EC2_METADATA_SERVICE_ENDPOINT=place.url,
        AWS_METADATA_SERVICE_TIMEOUT="600",
        AWS_METADATA_SERVICE_NUM_ATTEMPTS="100",
    )
    started = time.monotonic()
    with pytest.raises(SourceRefused, match="no credentials"):
        found()
    # It is one second for each of three questions; the environment wants minutes.
    assert time.monotonic() - started < 20


def test_without_any_the_places_are_not_asked_again_and_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    name_in_environment(
        monkeypatch,
        AWS_EC2_METADATA_DISABLED="false",
        AWS_EC2_METADATA_SERVICE_ENDPOINT=place.url,
        AWS_METADATA_SERVICE_NUM_ATTEMPTS="1",
    )
    asking = access()
    for _ in range(3):
        with pytest.raises(SourceRefused, match="no credentials"):
            asking.credentials(soon())
    assert [each[1] for each in place.asked] == ["/latest/api/token", ROLE]
    monkeypatch.setattr(asking, "_quiet_until", time.monotonic())
    name_in_environment(monkeypatch, AWS_ACCESS_KEY_ID="A", AWS_SECRET_ACCESS_KEY="B")
    assert asking.credentials(soon()) == Credentials("A", "B")


def test_many_who_want_some_at_once_make_one_look(container: Place) -> None:
    container.answers["GET", "/c"] = answer("C")
    asking = access()
    with ThreadPoolExecutor(8) as threads:
        names = {
            each.access_key for each in threads.map(lambda _: asking.credentials(soon()), [0] * 8)
        }
    assert names == {"C"}
    assert len(container.asked) == 1


def test_who_waits_for_anothers_look_waits_no_longer_than_it_may(container: Place) -> None:
    container.released.clear()
    container.answers["GET", "/c"] = answer("C")
    asking = access()
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(asking.credentials, soon())
        wait_until(lambda: container.asked)
        with pytest.raises(SourceTimeout):
            asking.credentials(time.monotonic() + 0.05)
        container.released.set()
        assert first.result().access_key == "C"


def test_credentials_are_exchanged_before_they_end_but_not_at_each_request(
    container: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking = access()
    container.answers["GET", "/c"] = answer("short", timedelta(minutes=2))
    for _ in range(3):
        assert asking.credentials(soon()).access_key == "short"
    asked = len(container.asked)
    assert asked <= 2
    container.answers["GET", "/c"] = answer("long")
    monkeypatch.setattr(asking, "_quiet_until", time.monotonic())
    for _ in range(3):
        assert asking.credentials(soon()).access_key == "long"
    assert len(container.asked) == asked + 1


def test_old_credentials_do_while_new_ones_cannot_be_had(
    container: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking = access()
    container.answers["GET", "/c"] = answer("short", timedelta(minutes=2))
    asking.credentials(soon())
    container.answers.clear()
    monkeypatch.setattr(asking, "_quiet_until", time.monotonic())
    assert asking.credentials(soon()).access_key == "short"
    asked = len(container.asked)
    assert asking.credentials(soon()).access_key == "short"
    assert len(container.asked) == asked, "who has trouble is left alone for a while"


def test_refused_credentials_are_exchanged_once(
    container: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking = access()
    container.answers["GET", "/c"] = answer("old")
    old = asking.credentials(soon())
    container.answers["GET", "/c"] = answer("new")
    new = asking.renewed(old, soon())
    assert new is not None
    assert new.access_key == "new"
    assert asking.renewed(old, soon()) == new, "another request that was under way"
    asked = len(container.asked)
    assert asking.renewed(new, soon()) is None
    assert len(container.asked) == asked


def test_keys_that_are_good_for_ever_are_not_looked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name_in_environment(monkeypatch, AWS_ACCESS_KEY_ID="A", AWS_SECRET_ACCESS_KEY="B")
    asking = access()
    assert asking.renewed(asking.credentials(soon()), soon()) is None


@pytest.mark.parametrize("method", ["head", "facts"])
def test_a_request_with_expired_credentials_is_asked_once_more(
    container: Place, opened, s3_source: Source, objects: ObjectServer, method: str
) -> None:
    store = opened(s3_source)
    container.answers["GET", "/c"] = answer("old")
    store.facts("a.svs")
    container.answers["GET", "/c"] = answer("new")
    objects.take_log()
    expired = Trouble(Fault.STATUS, times=1, status=400, code="ExpiredToken")
    with objects.in_trouble(expired):
        store.head("a.svs", 10) if method == "head" else store.facts("a.svs")
    log = objects.take_log()
    names = [each.headers["Authorization"].split("/")[0].partition("=")[2] for each in log]
    assert names == ["old", "new"]
    tokens = [{k.lower(): v for k, v in each.headers.items()} for each in log]
    assert [each["x-amz-security-token"] for each in tokens] == ["t", "t"]


def test_a_request_that_new_credentials_do_not_help_is_refused(
    container: Place, opened, s3_source: Source, objects: ObjectServer
) -> None:
    container.answers["GET", "/c"] = answer("C")
    store = opened(s3_source)
    expired = Trouble(Fault.STATUS, status=400, code="ExpiredToken")
    with objects.in_trouble(expired):
        for _ in range(3):
            with pytest.raises(SourceRefused):
                store.head("a.svs", 10)
    assert len(objects.take_log()) == 3
    assert len(container.asked) == 2


def test_the_region_of_the_profile_is_used_if_nobody_names_another(
    opened, objects: ObjectServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    profiles(
        tmp_path,
        config="[default]\naws_access_key_id=A\naws_secret_access_key=B\nregion=eu-west-3\n",
    )
    regions = []
    for source, environment in (
        (Source.at("s3://slides", endpoint=objects.url), ""),
        (Source.at("s3://slides", endpoint=objects.url, region="eu-west-1"), ""),
        (Source.at("s3://slides", endpoint=objects.url), "eu-north-1"),
    ):
        if environment:
            monkeypatch.setenv("AWS_REGION", environment)
        store = opened(source)
        store.head("a.svs", 10)
        store.facts("a.svs")
        regions += [each.headers["Authorization"].split("/")[2] for each in objects.take_log()]
    assert regions == ["eu-west-3"] * 2 + ["eu-west-1"] * 2 + ["eu-north-1"] * 2


def test_a_profile_with_a_region_that_is_none_is_refused(
    opened, s3_source: Source, objects: ObjectServer, tmp_path: Path
) -> None:
    profiles(
        tmp_path,
        config="[default]\naws_access_key_id=A\naws_secret_access_key=B\nregion=evil.example/\n",
    )
    with pytest.raises(SourceRefused, match="region"):
        opened(s3_source).head("a.svs", 10)
    assert objects.connections == 0


def test_secrets_are_neither_shown_nor_logged(
    container: Place, opened, s3_source: Source, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    container.answers["GET", "/c"] = answer("C").replace('"t"', '"token-hush"')
    opened(s3_source).head("a.svs", 10)
    found_ones = found()
    assert "hush" in found_ones.secret_key
    assert "hush" not in repr(found_ones) + str(found_ones)
    assert "hush" not in caplog.text
    container.answers["GET", "/c"] = '{"SecretAccessKey": "hush"}'
    with pytest.raises(SourceRefused):
        found()
    assert "KeyError" in caplog.text
    assert "hush" not in caplog.text


@pytest.mark.parametrize(
    "path", ["/a", "/a%20b/%C3%BC%2B%25", "//a", "/b?list-type=2&prefix=a%20b"]
)
def test_a_signature_holds_for_the_host_as_it_is_sent(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed = []
    monkeypatch.setattr(
        aws.S3SigV4Auth,
        "canonical_request",
        lambda self, request, real=aws.S3SigV4Auth.canonical_request: (
            signed.append(real(self, request)) or signed[-1]
        ),
    )
    asked = AwsAccess.signed_headers(
        "GET",
        f"http://minio:80{path}",
        "minio:80",
        region="us-east-1",
        credentials=Credentials("A", "B", "C"),
    )
    lines = signed[0].split("\n")
    plain, _, query = path.partition("?")
    assert lines[:4] == ["GET", plain, query, "host:minio:80"]
    assert asked["X-Amz-Security-Token"] == "C"
    assert "Host" not in asked
    assert (
        "SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token"
        in (asked["Authorization"])
    )


def test_an_anonymous_source_does_not_load_amazons_library(
    objects: ObjectServer, repository: Path
) -> None:
    code = f"""
import sys
from wsi_lab.model.source import Source
from wsi_lab.slides.stores import open_store
assert "httpcore" not in sys.modules
for source in (
    Source.at("s3://slides", endpoint={objects.url!r}, anonymous=True),
    Source.at("{objects.url}/slides"),
    Source.at("s3://slides", endpoint={objects.url!r}),
):
    store = open_store(source)
    if source.anonymous or source.scheme != "s3":
        assert len(store.head("a.svs", 10)[0]) == 10
    store.close()
assert "botocore" not in sys.modules
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, cwd=repository)
