from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.connectors.salesforce.support import Org


@pytest.fixture
def org() -> Iterator[Org]:
    org = Org()
    yield org
    org.close()
