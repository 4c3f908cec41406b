"""Certificates of servers and of clients."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

import drifting
from drifting import errors


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def written(folder: Path, name: str, blobs: list[trustme.Blob]) -> str:
    path = folder / name
    path.write_bytes(b"".join(blob.bytes() for blob in blobs))
    return str(path)


def test_certificates(tmp_path: Path, authority: trustme.CA, run: Callable[..., Any]) -> None:
    ca_file = written(tmp_path, "authority.pem", [authority.cert_pem])
    certificate = authority.issue_cert("127.0.0.1")
    arguments = [
        *("--tls-cert", written(tmp_path, "server.pem", certificate.cert_chain_pems)),
        *("--tls-key", written(tmp_path, "server.key", [certificate.private_key_pem])),
        *("--tls-client-ca", ca_file),
    ]
    of_client = authority.issue_cert("client@example.org")
    pair = (
        written(tmp_path, "client.pem", of_client.cert_chain_pems),
        written(tmp_path, "client.key", [of_client.private_key_pem]),
    )
    with drifting.serve(tmp_path / "kept", database_uri="none", arguments=arguments) as server:
        assert server.url.startswith("https://")
        with server.client(ca_file=Path(ca_file), client_cert=pair) as client:
            assert client.projects.list() == []

        async def ask() -> list[drifting.Project]:
            async with server.async_client(ca_file=ca_file, client_cert=pair) as client:
                return await client.projects.list()

        assert run(ask()) == []
        with pytest.raises(errors.UnreachableError):
            server.client(retries=0).projects.list()
        # In TLS 1.3 a client learns that its certificate is missing when it reads.
        with pytest.raises((errors.UnreachableError, errors.ConnectionLostError)):
            server.client(ca_file=ca_file, retries=0).projects.list()
