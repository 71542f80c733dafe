"""What docs/eks.md says of the canary's header: a stack's own value, and binding it to somebody."""

from __future__ import annotations

import base64
import json
import re
import time

import pytest
import yaml
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.conftest import ROOT
from tests.traffic import HOST, PATHS, inside, send

pytestmark = [pytest.mark.lab, pytest.mark.long]
SERVICES = ("auth-api", "scan-api", "character-api")
CHAIN = f"{PATHS['auth-api']}?call={inside('scan-api')},{inside('character-api')}"
CANARIES, NOBODY, BEHIND = (
    ",".join(f"{service}/{version}" for service, version in zip(SERVICES, versions, strict=True))
    for versions in (("v2", "v2", "v2"), ("v1", "v1", "v1"), ("v1", "v2", "v2"))
)
SECTION = (ROOT / "docs/eks.md").read_text().split("## Who reaches a canary")[1].split("\n## ")[0]
ROUTES, BY_ADDRESS, BY_CLAIM = (
    yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", SECTION, re.DOTALL)
)
POLICIES = "/apis/security.istio.io/v1/namespaces/istio-system"
ISSUER = "https://login.test"
FORBIDDEN = {"403": 20}


@pytest.fixture(scope="module")
def in_flight(stack):
    stack.change(rollouts={name: {"phase": 1} for name in SERVICES}, readyTimeoutSeconds=60)
    stack.up()
    return stack


@pytest.fixture
def apply(lab):
    """Creates objects of Istio's security, and takes them away in the end."""
    places = []

    def create(kind, described):
        place = f"{POLICIES}/{kind}"
        lab.api.request("POST", place, described)
        places.append(f"{place}/{described['metadata']['name']}")

    yield create
    for place in places:
        lab.api.request("DELETE", place)


def met(lab, *headers):
    """The chains and statuses of some requests."""
    told = send(lab, HOST, CHAIN, 20, *(f"-H{one}" for one in headers))
    return told["chains"] or told["statuses"]


def until_refused(lab, *headers):
    deadline = time.monotonic() + 20
    while met(lab, *headers) != FORBIDDEN:
        assert time.monotonic() < deadline


@pytest.mark.usefixtures("in_flight")
def test_a_policy_by_address_refuses_the_header_and_nothing_else(lab, apply):
    apply("authorizationpolicies", BY_ADDRESS)
    until_refused(lab, "x-canary: true")
    assert met(lab) == {NOBODY: 20}
    # As the page says: it says nothing of baggage.
    assert met(lab, "baggage: x-canary=true") == {BEHIND: 20}
    here = json.loads(json.dumps(BY_ADDRESS).replace("203.0.113.0/24", "127.0.0.0/8"))
    lab.api.request("DELETE", f"{POLICIES}/authorizationpolicies/{here['metadata']['name']}")
    lab.api.request("POST", f"{POLICIES}/authorizationpolicies", here)
    deadline = time.monotonic() + 20
    while met(lab, "x-canary: true") != {CANARIES: 20}:
        assert time.monotonic() < deadline


@pytest.mark.usefixtures("in_flight")
def test_a_policy_by_claim_lets_in_whose_token_has_it(lab, apply):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    apply("requestauthentications", authentication(key.public_key().public_numbers()))
    apply("authorizationpolicies", {**BY_ADDRESS, "spec": {**BY_ADDRESS["spec"], **BY_CLAIM}})
    until_refused(lab, "x-canary: true")
    for groups, expected in ((["testers"], {CANARIES: 20}), (["others"], FORBIDDEN)):
        bearer = f"authorization: Bearer {token(key, groups=groups)}"
        assert met(lab, "x-canary: true", bearer) == expected
        assert met(lab, bearer) == {NOBODY: 20}


def test_a_stack_with_a_header_of_its_own_knows_no_other(in_flight, lab):
    # As long as a value may be, apart from its end.
    own = {"name": "x-try", "value": "A.word-that_nobody.guesses-" * 9 + "9"}
    in_flight.change(canaryHeader=own)
    in_flight.up()
    member = f"{own['name']}={own['value']}"
    assert met(lab, f"{own['name']}: {own['value']}") == {CANARIES: 20}
    assert met(lab, f"baggage: a=b,{member}") == {BEHIND: 20}
    for other in (
        "x-canary: true",
        "x-try: true",
        "baggage: x-canary=true",
        f"baggage: {member.replace('.', 'x')}",
    ):
        assert met(lab, other) == {NOBODY: 20}
    (told,) = json.loads(in_flight.eco2("status", "scan-api", "--json").stdout)
    assert told["header"] == f"{own['name']}: {own['value']}"
    assert told["cluster"]["header"]
    assert in_flight.eco2("abort", "scan-api", "--no-reconcile").returncode == 0
    time.sleep(1)
    assert met(lab, f"{own['name']}: {own['value']}") == {CANARIES.replace("scan-api/v2", "scan-api/v1"): 20}
    document = yaml.safe_load(in_flight.file.read_text())
    del document["config"]["eco2:canaryHeader"]
    in_flight.file.write_text(yaml.safe_dump(document, sort_keys=False))
    in_flight.up()


def test_a_route_that_removes_baggage_leaves_the_header_alone(in_flight, lab):
    catalog = in_flight.folder / "services.yaml"
    described = yaml.safe_load(catalog.read_text())
    for route in described["services"]["auth-api"]["routes"]:
        route["requestHeaders"] = ROUTES["routes"][0]["requestHeaders"]
    catalog.write_text(yaml.safe_dump(described))
    in_flight.up()
    for headers in ((), ("baggage: x-canary=true",), ("baggage: a=b", "baggage: x-canary=true")):
        assert met(lab, *headers) == {NOBODY: 20}
    for headers in ((), ("baggage: a=b",), ("baggage: x-canary=false",)):
        assert met(lab, "x-canary: true", *headers) == {CANARIES: 20}


def authentication(public):
    """What a gateway checks tokens by; the key stands in it."""
    numbers = {"n": public.n, "e": public.e}
    key = {
        name: encoded(value.to_bytes((value.bit_length() + 7) // 8, "big")) for name, value in numbers.items()
    }
    jwks = {"keys": [{"kty": "RSA", "kid": "test", "alg": "RS256", "use": "sig", **key}]}
    return {
        "apiVersion": "security.istio.io/v1",
        "kind": "RequestAuthentication",
        "metadata": {"name": "login", "namespace": "istio-system"},
        "spec": {
            "selector": {"matchLabels": {"istio": "ingressgateway"}},
            "jwtRules": [{"issuer": ISSUER, "jwks": json.dumps(jwks), "forwardOriginalToken": True}],
        },
    }


def token(key, **claims):
    """A signed token that holds for an hour."""
    parts = (
        {"alg": "RS256", "kid": "test"},
        {"iss": ISSUER, "sub": "me", "exp": int(time.time()) + 3600, **claims},
    )
    text = ".".join(encoded(json.dumps(part).encode()) for part in parts)
    return f"{text}.{encoded(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
