"""What an admin changes of a customer: the tags, which routing rules may ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.aws.errors import AwsUnavailable, ConditionFailed
from chalicelib.aws.table import Update
from chalicelib.services import keys
from chalicelib.services.read import Unknown

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps

_TRIES = 8


def tag(customer_id: str, name: str, deps: Deps, *, remove: bool = False) -> list[str]:
    """Give a customer a tag, or take it away; upper and lower case are one. Returns the tags. Raises `Unknown`."""
    for _ in range(_TRIES):
        item = deps.table.get(keys.customer(customer_id))
        if item is None:
            raise Unknown(
                f"there is no customer {customer_id}; `deskweave show CONVERSATION --json` names its customer"
            )
        tags = [one for one in item["tags"] if one.casefold() != name.casefold()]
        has = len(tags) < len(item["tags"])
        if has is not remove:
            return list(item["tags"])
        if not remove:
            tags.append(name)
        try:
            deps.table.update(Update(item["pk"], set={"tags": tags}, when={"tags": item["tags"]}))
        except ConditionFailed:
            continue
        return tags
    raise AwsUnavailable("the customer's profile is being written by others")
