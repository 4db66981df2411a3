"""What the AWS side may raise; everything else that leaves chalicelib/aws is a bug."""

from __future__ import annotations


class AwsUnavailable(Exception):
    """AWS refused or did not answer. Handlers let it through, so that the queue delivers again; `receive` says 503."""


class ConditionFailed(Exception):
    """A conditional write lost: somebody else wrote first. The caller reads again."""


class AwsRefused(Exception):
    """AWS says that the request itself is wrong: a bug of ours, which no second delivery would heal."""


class NotFound(Exception):
    """The parameter or object does not exist."""
