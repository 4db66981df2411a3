"""The bucket: bodies that are too large for a queue message, mails as they came, and copies of files."""

from __future__ import annotations

from typing import Any

from chalicelib.aws import clients
from chalicelib.aws.errors import AwsUnavailable, NotFound


class Bucket:
    """One S3 bucket, by name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def put(self, key: str, content: bytes) -> None:
        self._call("put_object", Key=key, Body=content)

    def get(self, key: str) -> bytes:
        """An object's content. Raises `NotFound`, `AwsUnavailable`."""
        return bytes(self._call("get_object", Key=key)["Body"].read())

    def address(self, key: str, seconds: int, disposition: str, media_type: str) -> str:
        """An address from which anybody can read an object for so many seconds. No call is made."""
        asked = {
            "Bucket": self.name,
            "Key": key,
            "ResponseContentDisposition": disposition,
            "ResponseContentType": media_type,
        }
        return str(clients.client("s3").generate_presigned_url("get_object", Params=asked, ExpiresIn=seconds))

    def _call(self, operation: str, **request: Any) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return getattr(clients.client("s3"), operation)(Bucket=self.name, **request)
        except ClientError as error:
            code = clients.failure(error)
            if code in ("NoSuchKey", "404"):
                raise NotFound(request["Key"]) from None
            raise AwsUnavailable(f"S3 {operation}: {code}") from error
        except BotoCoreError as error:
            raise AwsUnavailable(f"S3 {operation}: {type(error).__name__}") from error
