"""docs/doctor.md tells every check, and how many deliberate faults the tests make."""

from __future__ import annotations

import inspect

from infra.doctor import page
from infra.doctor.checks import BY_NAME, CHECKS
from tests.doctor import faults, test_providers, test_refused, test_work

# Faults that have a test of their own rather than a line of a table.
BY_THEMSELVES_ON_AWS = (
    test_refused.test_another_versions_stack_is_told_by_what_would_change,
    test_refused.test_a_stranger_at_our_queue_is_told_and_left_alone,
    test_refused.test_a_second_api_is_told_and_left_alone_and_the_address_follows_chalices,
    test_refused.test_functions_of_different_deployments_are_told,
    test_refused.test_an_alarm_that_rings_is_told_with_its_reason,
    test_refused.test_a_silent_or_failing_clock_is_told,
)
BY_THEMSELVES_LOCALLY = (
    test_work.test_a_connection_whose_row_is_lost_comes_back_paused,
    test_work.test_a_connection_whose_secret_is_gone_is_a_persons_matter,
    test_work.test_an_address_that_changed_is_kept_with_each_connection,
    test_work.test_failures_that_grow_old_are_told,
    test_work.test_the_store_that_denies_one_look_blinds_one_check_and_is_told_plainly,
    test_providers.test_a_refused_token_is_told,
    test_providers.test_a_provider_that_does_not_answer_is_waited_for_no_longer_than_asked,
)


def test_the_page_counts_the_faults_that_are_tried() -> None:
    on_aws = len(faults.MENDED) + len(test_refused.PERSONS) + len(test_refused.REFUSALS) + len(BY_THEMSELVES_ON_AWS)
    locally = len(test_work.FAULTS) + len(test_providers.FAULTS) + len(BY_THEMSELVES_LOCALLY)
    print(f"deliberate faults: {on_aws} on AWS, {locally} in the local run")
    assert (on_aws, locally) == (page.TRIED_ON_AWS, page.TRIED_LOCALLY)
    assert f"in {on_aws} ways" in page.page()


def test_every_check_is_told_and_every_one_is_tried() -> None:
    for check in CHECKS:
        assert f"| `{check.name}` |" in page.page()
    tried = {one.check for one in faults.MENDED} | {check for _, _, check, _ in test_refused.PERSONS}
    assert {check.name for check in CHECKS if not check.local} <= tried | {"pulse"}
    sources = inspect.getsource(test_work) + inspect.getsource(test_providers)
    assert all(name in sources or name in tried for name in BY_NAME if BY_NAME[name].local)


def test_what_a_check_says_it_mends_has_a_mend_that_is_tried() -> None:
    mended = {one.check for one in faults.MENDED} | {"pulse", "connections", "providers", "lanes"}
    assert {check.name for check in CHECKS if check.mends} == mended
