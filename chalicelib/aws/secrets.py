"""Settings and secrets of connections: one SSM SecureString each."""

from __future__ import annotations

import json
import os
from typing import Any

from chalicelib.aws import clients
from chalicelib.aws.errors import AwsUnavailable, NotFound


class Secrets:
    """Parameters below one prefix, each a JSON object, encrypted by SSM."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix

    def read(self, name: str) -> dict[str, Any]:
        """One parameter. Raises `NotFound`, `AwsUnavailable`."""
        answer = self._call("get_parameter", Name=self.prefix + name, WithDecryption=True)
        value = json.loads(answer["Parameter"]["Value"])
        return value if isinstance(value, dict) else {}

    def write(self, name: str, value: dict[str, Any]) -> None:
        own = os.environ.get("DESKWEAVE_KMS_KEY")
        self._call(
            "put_parameter",
            Name=self.prefix + name,
            Value=json.dumps(value),
            Type="SecureString",
            Overwrite=True,
            **({"KeyId": own} if own else {}),
        )

    def remove(self, name: str) -> None:
        self._call("delete_parameter", Name=self.prefix + name)

    def _call(self, operation: str, **request: Any) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return getattr(clients.client("ssm"), operation)(**request)
        except ClientError as error:
            code = clients.failure(error)
            if code == "ParameterNotFound":
                raise NotFound(request["Name"]) from None
            raise AwsUnavailable(f"SSM {operation}: {code}") from error
        except BotoCoreError as error:
            raise AwsUnavailable(f"SSM {operation}: {type(error).__name__}") from error
