"""Pictures in an S3-compatible bucket, with a folder in front of it that is only a cache."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from arena.errors import CorruptImage, SettingsError, Unavailable, UnknownPicture
from arena.storage import DIGEST, ImageStore

if TYPE_CHECKING:
    from collections.abc import Mapping

    from arena.config import Settings

CONNECT_SECONDS = 3
READ_SECONDS = 10
TRIES = 2


@dataclass(frozen=True, slots=True)
class BucketStore(ImageStore):
    """PNG objects named by their digest; the folder keeps copies, which may be deleted at any time.

    ``client`` speaks S3: ``put_object``, ``get_object``, ``head_object``, ``list_objects_v2``.
    """

    client: Any
    bucket: str
    prefix: str = ""

    def key(self, digest: str) -> str:
        """The object that holds, or would hold, the bytes of that digest."""
        return f"{self.prefix}{digest[:2]}/{digest[2:]}.png"

    def put(self, data: bytes) -> str:
        """Keep the bytes and return their digest; the bucket has acknowledged them when this returns.

        Raises
        ------
        Unavailable
            If the bucket does not take them.
        """
        digest = hashlib.sha256(data).hexdigest()
        with _told(self.bucket):
            self.client.put_object(
                Bucket=self.bucket, Key=self.key(digest), Body=data, ContentType="image/png"
            )
        self._keep_near(data)
        return digest

    def get(self, digest: str) -> bytes:
        """Read the bytes of a digest, from the folder or else the bucket, checked against it.

        Raises
        ------
        UnknownPicture
            If there is no such object.
        CorruptImage
            If its bytes are others.
        Unavailable
            If the folder has no copy and the bucket does not answer.
        """
        try:
            return ImageStore.get(self, digest)
        except (UnknownPicture, CorruptImage):
            pass
        with _told(self.bucket):
            try:
                data = bytes(self.client.get_object(Bucket=self.bucket, Key=self.key(digest))["Body"].read())
            except self.client.exceptions.NoSuchKey as error:
                raise UnknownPicture(f"picture {digest[:12]} is not in s3://{self.bucket}") from error
        if hashlib.sha256(data).hexdigest() != digest:
            raise CorruptImage(digest)
        self._keep_near(data)
        return data

    def digests(self) -> Iterator[str]:
        """The digest of every picture of the bucket, in order.

        Raises
        ------
        Unavailable
        """
        with _told(self.bucket):
            pages = self.client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=self.prefix
            )
            for page in pages:
                for item in page.get("Contents", ()):
                    name = item["Key"].removeprefix(self.prefix).removesuffix(".png").replace("/", "", 1)
                    if DIGEST.fullmatch(name):
                        yield name

    def probe(self) -> None:
        """See that the bucket takes an object now.

        Raises
        ------
        Unavailable
        """
        with _told(self.bucket):
            self.client.put_object(Bucket=self.bucket, Key=f"{self.prefix}probe", Body=b"")

    def _keep_near(self, data: bytes) -> None:
        """Copy into the folder; a full disk costs only the copy."""
        try:
            ImageStore.put(self, data)
        except Unavailable:
            return


@contextmanager
def _told(bucket: str) -> Iterator[None]:
    """Say in a sentence that a bucket does not answer, or does not let us in."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        answer = error.response.get("Error", {}) if isinstance(error, ClientError) else {}
        why = answer.get("Code") or type(error).__name__
        raise Unavailable(f"the pictures in s3://{bucket} cannot be reached now: {why}") from error


def open_images(settings: Settings, environ: Mapping[str, str]) -> ImageStore:
    """The store of the settings: a folder, or a bucket with that folder before it.

    Raises
    ------
    SettingsError
        If a bucket is named and boto3 is not installed.
    """
    if settings.bucket is None:
        return ImageStore(settings.images)
    return open_bucket(settings.bucket, cache=settings.images, endpoint=environ.get("AWS_ENDPOINT_URL"))


def open_bucket(url: str, *, cache: Path, endpoint: str | None = None) -> BucketStore:
    """A bucket by its ``s3://NAME/PREFIX``; keys come from where every S3 client looks for them.

    Raises
    ------
    SettingsError
        If boto3 is not installed.
    """
    try:
        import boto3
        from botocore.config import Config
    except ImportError as error:
        raise SettingsError("ARENA_BUCKET needs `pip install 'vernissage-arena[s3]'`") from error
    parts = urlsplit(url)
    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"total_max_attempts": TRIES},
        max_pool_connections=32,
    )
    prefix = parts.path.strip("/")
    return BucketStore(
        folder=cache,
        client=boto3.client("s3", endpoint_url=endpoint, config=config),
        bucket=parts.netloc,
        prefix=f"{prefix}/" if prefix else "",
    )
