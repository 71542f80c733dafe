"""TLS to an API server, as the kubeconfig describes it."""

from __future__ import annotations

import ssl
import tempfile
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kube.kubeconfig import KubeconfigEntry


def tls_context(cluster: KubeconfigEntry, user: KubeconfigEntry, told: Mapping[str, Any]) -> ssl.SSLContext:
    """Whom to trust, and the client's own certificate; what a credential plugin told of one comes first."""
    authority = cluster.data("certificate-authority")
    tls = ssl.create_default_context(
        cafile=None if authority else cluster.path("certificate-authority"),
        cadata=authority.decode() if authority else None,
    )
    # Clusters' own authorities lack extensions that Python 3.13 asks for; kubectl does not.
    tls.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if cluster.values.get("insecure-skip-tls-verify"):
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    with ExitStack() as scratch:

        def file(key: str, text: str | None) -> str | None:
            data = text.encode() if text else user.data(key)
            if data is None:
                return user.path(key)
            # OpenSSL reads files only; they are the user's own, and gone at once.
            held = scratch.enter_context(tempfile.NamedTemporaryFile())
            held.write(data)
            held.flush()
            return held.name

        certificate = file("client-certificate", told.get("clientCertificateData"))
        if certificate:
            tls.load_cert_chain(certificate, file("client-key", told.get("clientKeyData")))
    return tls
