"""What a stack's template says, its references filled in: how each part should be, by the names that AWS has for it.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from infra.stack.policies import Place

_SUBSTITUTED = re.compile(r"\$\{([A-Za-z0-9:.]+)\}")
# Kinds whose reference is not their name: what their ARN is made of, and the property that names them.
_ARNS = {
    "AWS::SQS::Queue": ("arn:{partition}:sqs:{region}:{account}:{name}", "QueueName"),
    "AWS::SNS::Topic": ("arn:{partition}:sns:{region}:{account}:{name}", "TopicName"),
    "AWS::S3::Bucket": ("arn:{partition}:s3:::{name}", "BucketName"),
    "AWS::DynamoDB::Table": ("arn:{partition}:dynamodb:{region}:{account}:table/{name}", "TableName"),
}


class Wanted:
    """A template's resources. `physical` names those that have no name of their own, by logical id."""

    def __init__(self, template: Mapping[str, Any], place: Place, physical: Mapping[str, str]) -> None:
        self.template, self.place, self.physical = template, place, physical

    def of(self, kind: str) -> Iterator[dict[str, Any]]:
        """The properties of every resource of a kind, in the template's order."""
        for resource in self.template["Resources"].values():
            if resource["Type"] == kind:
                yield self._filled(resource.get("Properties", {}))

    def _filled(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            if len(value) == 1:
                ((name, given),) = value.items()
                match name:
                    case "Ref":
                        return self._reference(given)
                    case "Fn::GetAtt":
                        return self._arn(given[0] if isinstance(given, list) else str(given).partition(".")[0])
                    case "Fn::Sub" if isinstance(given, str):
                        return _SUBSTITUTED.sub(lambda found: self._named(found[1]), given)
            return {name: self._filled(given) for name, given in value.items()}
        if isinstance(value, list):
            return [self._filled(one) for one in value]
        return value

    def _named(self, name: str) -> str:
        logical, _, attribute = name.partition(".")
        return self._arn(logical) if attribute else self._reference(name)

    def _reference(self, logical: str) -> str:
        pseudo = {
            "AWS::AccountId": self.place.account,
            "AWS::Region": self.place.region,
            "AWS::Partition": self.place.partition,
        }
        if logical in pseudo:
            return pseudo[logical]
        resource = self.template["Resources"].get(logical, {})
        if resource.get("Type") == "AWS::SNS::Topic":
            return self._arn(logical)
        _, named = _ARNS.get(resource.get("Type", ""), ("", ""))
        return str(resource.get("Properties", {}).get(named) or self.physical.get(logical, ""))

    def _arn(self, logical: str) -> str:
        resource = self.template["Resources"].get(logical, {})
        form, named = _ARNS.get(resource.get("Type", ""), ("", ""))
        name = resource.get("Properties", {}).get(named)
        if not (form and name):
            return self.physical.get(logical, "")
        place = self.place
        return form.format(partition=place.partition, region=place.region, account=place.account, name=name)


def same_policy(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two policy documents say the same, however AWS writes what it keeps."""
    return _statements(one) == _statements(other)


def _statements(document: Mapping[str, Any]) -> list[str]:
    return sorted(repr(_sorted(statement)) for statement in _list(document.get("Statement", [])))


def _sorted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return sorted((name, _sorted(given)) for name, given in value.items())
    if isinstance(value, list):
        return str(value[0]) if len(value) == 1 else sorted(map(str, value))
    return str(value)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
