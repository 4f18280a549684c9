"""The key with which the labs answer platforms."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import stat
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from labs import site
from labs.cli import main
from labs.lti.errors import KeyFileError
from labs.lti.tool_key import BITS, load_key


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, password: bytes | None = None) -> bytes:
    lock = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)


def test_a_new_key_is_its_owners_alone_and_never_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "lti.pem"
    assert main(["lti-key", str(path)]) == 0
    key = load_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert key.private.key_size == BITS
    assert key.public_jwk["kid"] in capsys.readouterr().out
    content = path.read_bytes()
    assert main(["lti-key", str(path)]) == 2
    assert "exists already" in capsys.readouterr().err
    assert path.read_bytes() == content
    assert main(["lti-key", str(tmp_path / "nowhere" / "lti.pem")]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_what_it_signs_its_public_half_proves(key_file: Path) -> None:
    key = load_key(key_file)
    token = key.sign({"sub": "x"})
    assert jwt.get_unverified_header(token) == {"alg": "RS256", "typ": "JWT", "kid": key.public_jwk["kid"]}
    assert jwt.decode(token, jwt.PyJWK(key.public_jwk), algorithms=["RS256"]) == {"sub": "x"}
    assert "d" not in key.public_jwk


def test_the_name_of_a_key_is_its_thumbprint(key_file: Path) -> None:
    """RFC 7638, section 3.1: the members that make the key, in order, without space, hashed."""
    jwk = load_key(key_file).public_jwk
    text = f'{{"e":"{jwk["e"]}","kty":"RSA","n":"{jwk["n"]}"}}'
    digest = hashlib.sha256(text.encode()).digest()
    assert jwk["kid"] == base64.urlsafe_b64encode(digest).decode().rstrip("=")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no private key in PEM"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "no private key in PEM"),
        (pem(rsa.generate_private_key(65537, 2048), b"secret"), "without a password"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "no RSA key of at least 2048 bits"),
        (pem(rsa.generate_private_key(65537, 1024)), "no RSA key of at least 2048 bits"),
        (None, "cannot be read: No such file"),
    ],
)
def test_a_key_that_cannot_be_used_says_why_and_what_would_be_right(
    tmp_path: Path, content: bytes | None, words: str
) -> None:
    path = tmp_path / "lti.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(KeyFileError, match="make one with `mlsys-labs lti-key FILE`") as caught:
        load_key(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_key_that_others_can_read_is_said(key_file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "lti.pem"
    path.write_bytes(key_file.read_bytes())
    path.chmod(0o640)
    with caplog.at_level(logging.WARNING):
        load_key(path)
    assert "chmod 600" in caplog.text


def test_check_config_and_serve_say_what_is_wrong_with_a_key(
    own_site: Path, key_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own_site.write_text(f"[lti]\nkey_file = {json.dumps(str(key_file))}\n", encoding="utf-8")
    assert main(["check-config", str(own_site)]) == 0
    assert f"LTI key {load_key(key_file).public_jwk['kid']}" in capsys.readouterr().out
    own_site.write_text("[lti]\nkey_file = 'nowhere.pem'\n", encoding="utf-8")
    site.course.cache_clear()
    for command in (["check-config", str(own_site)], ["serve", "--course", str(own_site), "--port", "1"]):
        assert main(command) == 2
        assert "the key file nowhere.pem cannot be read" in capsys.readouterr().err
