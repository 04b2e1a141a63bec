from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from phas_server import FakePhas, serving

from wsi_lab.client.phas import Client
from wsi_lab.errors import Invalid, SourceUnavailable


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a key and a certificate for loopback that nobody signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "phas.test")])
    now = dt.datetime.now(dt.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "phas.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def phas_by_https(certificate: Path) -> Iterator[FakePhas]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    with serving(FakePhas(), context) as phas:
        yield phas


def test_certificate_that_nobody_signed_is_not_trusted(phas_by_https, key_file):
    with pytest.raises(SourceUnavailable, match="certificate is not signed"):
        Client(phas_by_https.url, key_file)
    assert phas_by_https.sessions == 0


@pytest.mark.parametrize("as_text", [False, True])
def test_own_authority_is_trusted_by_its_file(phas_by_https, key_file, certificate, as_text):
    verify = str(certificate) if as_text else certificate
    Client(phas_by_https.url, key_file, verify).close()
    assert phas_by_https.sessions == 1


def test_certificates_may_be_left_unchecked(phas_by_https, key_file):
    Client(phas_by_https.url, key_file, verify=False).close()
    assert phas_by_https.sessions == 1


def test_other_authorities_are_not_trusted_when_a_folder_is_given(
    phas_by_https, key_file, tmp_path
):
    with pytest.raises(SourceUnavailable, match="certificate is not signed"):
        Client(phas_by_https.url, key_file, tmp_path)


def test_file_that_holds_no_certificates_is_said(phas_by_https, key_file, tmp_path):
    with pytest.raises(Invalid, match="certificates"):
        Client(phas_by_https.url, key_file, tmp_path / "none.pem")
    with pytest.raises(Invalid, match="certificates"):
        Client(phas_by_https.url, key_file, verify=str(key_file))
