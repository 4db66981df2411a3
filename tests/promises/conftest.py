"""What all tests of the promises share."""

from __future__ import annotations

import gc

import pytest


@pytest.fixture(scope="session", autouse=True)
def _libraries_are_not_collected() -> None:
    """Thousands of short runs follow: what the libraries keep for good is taken out of the collector's way."""
    import boto3  # noqa: F401
    import moto.dynamodb.models  # noqa: F401

    import infra.local.runtime  # noqa: F401

    gc.collect()
    gc.freeze()
