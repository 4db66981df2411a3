from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.connectors.sms.support import Account


@pytest.fixture
def account() -> Iterator[Account]:
    account = Account()
    yield account
    account.sandbox.stop()
