"""Obtains tokens as partners that write Python do: with Authlib, MSAL, Google's library and requests.

Reads a JSON array of cases from stdin, and answers a JSON array of {"name", "token"} or {"name", "error"}.
A case says `by`, which is one of the functions below, and what that needs.
"""

import base64
import hashlib
import json
import sys
import time
import uuid

import requests
from authlib.integrations.requests_client import AssertionSession, OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from google.auth.transport.requests import Request
from google.oauth2 import service_account
from joserfc import jwt
from joserfc.jwk import ECKey
from msal import ConfidentialClientApplication

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
JWT_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def now():
    return int(time.time())


def client_secret_basic(case):
    session = OAuth2Session(case["client"], case["secret"], token_endpoint_auth_method="client_secret_basic")
    return session.fetch_token(case["endpoint"], grant_type="client_credentials")["access_token"]


def client_secret_post(case):
    session = OAuth2Session(case["client"], case["secret"], token_endpoint_auth_method="client_secret_post")
    return session.fetch_token(case["endpoint"], grant_type="client_credentials")["access_token"]


def key_session(case):
    # Authlib's own defaults are an hour and the token endpoint; the issuer and a minute are what the strict profile asks for.
    method = PrivateKeyJWT(
        case["endpoint"], alg="ES256", headers={"kid": case["kid"]}, claims={"aud": case["issuer"], "exp": now() + 60}
    )
    return OAuth2Session(case["client"], ECKey.import_key(case["key"]), token_endpoint_auth_method=method)


def private_key_jwt(case):
    return key_session(case).fetch_token(case["endpoint"], grant_type="client_credentials")["access_token"]


def token_exchange(case):
    answer = key_session(case).fetch_token(
        case["endpoint"],
        grant_type=EXCHANGE,
        subject_token=case["subject_token"],
        subject_token_type=ACCESS_TOKEN,
        resource=case["resource"],
    )
    return answer["access_token"]


def jwt_bearer(case):
    session = AssertionSession(
        case["endpoint"],
        issuer=case["client"],
        subject=case["subject"],
        audience=case["issuer"],
        claims={"jti": str(uuid.uuid4())},
        header={"alg": "ES256", "kid": case["kid"]},
        key=case["key"],
        expires_in=60,
    )
    session.refresh_token()
    return session.token["access_token"]


def google_service_account(case):
    credentials = service_account.Credentials.from_service_account_info(
        {
            "type": "service_account",
            "client_email": case["email"],
            "private_key_id": case["kid"],
            "private_key": case["key"],
            "token_uri": case["endpoint"],
        },
        scopes=["read"],
        # The library names Google's own token endpoint, whichever it is sent to.
        additional_claims={"aud": case["endpoint"]},
    )
    credentials.refresh(Request())
    return credentials.token


def msal(case):
    """Two tokens with one assertion, as MSAL does within ten minutes."""
    application = ConfidentialClientApplication(
        case["client"], oidc_authority=case["authority"], client_credential=case["credential"]
    )
    first = application.acquire_token_for_client(scopes=["read"])
    again = application.client.obtain_token_for_client(scope=["read"])
    if "access_token" not in first or "access_token" not in again:
        raise RuntimeError(f"{first.get('error')} {again.get('error')}")
    return again["access_token"]


def federated(case):
    form = {
        "grant_type": "client_credentials",
        "client_id": case["client"],
        "client_assertion_type": JWT_ASSERTION,
        "client_assertion": case["assertion"],
    }
    return token_of(requests.post(case["endpoint"], data=form, timeout=10))


def certificate(case):
    form = {"grant_type": "client_credentials", "client_id": case["client"]}
    pair = (case["certificate_file"], case["key_file"])
    return token_of(requests.post(case["endpoint"], data=form, cert=pair, verify=case["ca_file"], timeout=10))


def dpop(case):
    key = ECKey.generate_key("P-256")
    form = {
        "grant_type": "client_credentials",
        "client_id": case["client"],
        "client_secret": case["secret"],
    }
    first = requests.post(case["endpoint"], data=form, headers={"DPoP": proof(key, case["endpoint"])}, timeout=10)
    assert first.json()["error"] == "use_dpop_nonce", first.text
    again = proof(key, case["endpoint"], nonce=first.headers["DPoP-Nonce"])
    answer = requests.post(case["endpoint"], data=form, headers={"DPoP": again}, timeout=10)
    token = token_of(answer)
    assert answer.json()["token_type"] == "DPoP", answer.text
    ath = base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()
    headers = {"Authorization": f"DPoP {token}", "DPoP": proof(key, case["resource"], method="GET", ath=ath)}
    called = requests.get(case["resource"], headers=headers, timeout=10)
    assert called.status_code == 200, called.text
    return token


def proof(key, url, method="POST", **claims):
    header = {"alg": "ES256", "typ": "dpop+jwt", "jwk": key.as_dict(private=False)}
    return jwt.encode(header, {"htm": method, "htu": url, "iat": now(), "jti": str(uuid.uuid4()), **claims}, key)


def token_of(answer):
    body = answer.json()
    if "access_token" not in body:
        raise RuntimeError(f"{answer.status_code} {body.get('error')}")
    return body["access_token"]


WAYS = {
    "client_secret_basic": client_secret_basic,
    "client_secret_post": client_secret_post,
    "private_key_jwt": private_key_jwt,
    "token_exchange": token_exchange,
    "jwt_bearer": jwt_bearer,
    "google_service_account": google_service_account,
    "federated": federated,
    "certificate": certificate,
    "dpop": dpop,
    "msal": msal,
}


def run(case):
    try:
        return {"name": case["name"], "token": WAYS[case["by"]](case)}
    except Exception as error:  # the test says what should not have happened
        return {"name": case["name"], "error": f"{type(error).__name__}: {error}"}


json.dump([run(case) for case in json.load(sys.stdin)], sys.stdout)
