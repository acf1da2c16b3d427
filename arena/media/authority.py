"""A certificate authority of the arena's own, and the leaf that signs its pictures, as C2PA asks for them.

Keys are of P-256 and sign with SHA-256 (ES256). The leaf may sign and nothing else: its key usage is
digitalSignature alone, its extended key usage emailProtection, and it is no authority.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_LASTS = timedelta(days=7300)
LEAF_LASTS = timedelta(days=3650)
"""Ten years: without a timestamp a signature is worth nothing once its leaf has expired."""

SKEW = timedelta(minutes=5)
"""Certificates begin so long before they are made, for clocks that are slow."""

_HALF = 32
_ES256 = ec.ECDSA(hashes.SHA256())


@dataclass(frozen=True, slots=True)
class Certificate:
    """What people compare and watch of a certificate; ``fingerprint`` is the SHA-256 of its bytes."""

    name: str
    fingerprint: str
    begins: datetime
    ends: datetime


def new_key() -> str:
    """A private key as PKCS8 in PEM."""
    return (
        ec.generate_private_key(ec.SECP256R1())
        .private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        .decode()
    )


def public_key_of(key: str) -> str:
    """The public half of a private key, both in PEM."""
    return (
        _private(key)
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def make_authority(key: str, *, name: str, now: datetime) -> str:
    """The certificate of an authority that vouches for itself, in PEM."""
    private = _private(key)
    own = _named(name, f"{name} CA")
    made = (
        _begun(own, own, private.public_key(), now=now, ends=now + AUTHORITY_LASTS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(private, hashes.SHA256())
    )
    return _pem(made)


def make_leaf(
    public_key: str, *, authority: str, authority_key: str, name: str, now: datetime, ends: datetime
) -> str:
    """The certificate of a key that signs pictures, followed by its authority's, in PEM.

    Raises
    ------
    ValueError
        If the public key is none of P-256.
    """
    issuer = x509.load_pem_x509_certificate(authority.encode())
    found = serialization.load_pem_public_key(public_key.encode())
    if not isinstance(found, ec.EllipticCurvePublicKey) or not isinstance(found.curve, ec.SECP256R1):
        raise ValueError("the key that signs must be of the curve P-256")
    made = (
        _begun(_named(name, name), issuer.subject, found, now=now, ends=ends)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(_curve_key(issuer)), critical=False)
        .sign(_private(authority_key), hashes.SHA256())
    )
    return _pem(made) + authority


def read_certificate(pem: str) -> Certificate:
    """The first certificate of a PEM text.

    Raises
    ------
    ValueError
        If there is none.
    """
    found = x509.load_pem_x509_certificate(pem.encode())
    names = found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return Certificate(
        name=str(names[0].value) if names else found.subject.rfc4514_string(),
        fingerprint=found.fingerprint(hashes.SHA256()).hex(),
        begins=found.not_valid_before_utc,
        ends=found.not_valid_after_utc,
    )


def raw_signature(signature: bytes, *, data: bytes, leaf: str) -> bytes:
    """A signature as COSE wants it: two numbers of 32 bytes; DER, which most tools write, is taken apart.

    Raises
    ------
    ValueError
        If it is no signature of the data by the leaf's key.
    """
    own = _curve_key(x509.load_pem_x509_certificate(leaf.encode()))
    if len(signature) == 2 * _HALF:
        r, s = int.from_bytes(signature[:_HALF]), int.from_bytes(signature[_HALF:])
        signature = utils.encode_dss_signature(r, s)
    try:
        own.verify(signature, data, _ES256)
    except InvalidSignature as error:
        raise ValueError("the signature is not by the key of the leaf") from error
    r, s = utils.decode_dss_signature(signature)
    return r.to_bytes(_HALF) + s.to_bytes(_HALF)


def _private(key: str) -> ec.EllipticCurvePrivateKey:
    found = serialization.load_pem_private_key(key.encode(), password=None)
    if not isinstance(found, ec.EllipticCurvePrivateKey):
        raise ValueError("the private key must be of the curve P-256")
    return found


def _curve_key(certificate: x509.Certificate) -> ec.EllipticCurvePublicKey:
    found = certificate.public_key()
    if not isinstance(found, ec.EllipticCurvePublicKey):
        raise ValueError("the certificate is of no elliptic curve")
    return found


def _named(organisation: str, name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation[:64]),
            x509.NameAttribute(NameOID.COMMON_NAME, name[:64]),
        ]
    )


def _begun(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    *,
    now: datetime,
    ends: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(ends)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
