"""What API Gateway lets through to a stage, webhooks apart from everything else: chalice has no setting for it.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html
https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html#UpdateStage-Patch
A method with a limit of its own has a bucket of its own: whatever else floods the API, webhooks keep theirs.
"""

from __future__ import annotations

from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.core.model import Finding
from infra.stack import words
from infra.stack.cloud import Cloud

# Requests a second, and how many at once beyond that. Ten thousand conversations a day, with some thirty webhooks each,
# are 4 a second on average.
WEBHOOKS = 500
OTHERS = 100
BURST_FACTOR = 2
_WEBHOOK = "/~1webhooks~1{provider}~1{connection}/POST"


@dataclass(frozen=True)
class Limits:
    """Requests a second: of webhooks, and of each other operation."""

    webhooks: int = WEBHOOKS
    others: int = OTHERS

    def patches(self) -> list[dict[str, str]]:
        """As API Gateway's UpdateStage takes them."""
        rates = {"/*/*": self.others, _WEBHOOK: self.webhooks}
        return [
            {"op": "replace", "path": f"{method}/throttling/{name}", "value": str(value)}
            for method, rate in rates.items()
            for name, value in (("rateLimit", rate), ("burstLimit", rate * BURST_FACTOR))
        ]


def limit(api: str, api_stage: str, limits: Limits, cloud: Cloud) -> Finding:
    """Set them; safe to repeat. What AWS refuses is a finding, since nothing else depends on it."""
    called = "rate limits of the API"
    try:
        cloud.client("apigateway").update_stage(restApiId=api, stageName=api_stage, patchOperations=limits.patches())
    except (ClientError, BotoCoreError) as error:
        return Finding(called, False, words.told(error, cloud.region), "deskweave finish, once that is put right")
    told = f"{limits.webhooks} webhooks a second, {limits.others} of each other operation, twice that at once"
    return Finding(called, True, told)
