"""Each deliberate fault turns its finding red and no other, is mended on request, and is gone when looked at again."""

from __future__ import annotations

import pytest

from infra.doctor import examine
from tests.doctor.faults import MENDED, Fault
from tests.doctor.stage import STAGE, Stage

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("fault", MENDED, ids=lambda fault: fault.name)
def test_a_fault_is_found_mended_and_gone(stage: Stage, fault: Fault) -> None:
    fault.make(stage)
    patient = stage.patient()
    wrong = stage.wrong(patient)
    assert {name for name, found in wrong.items() if found.outcome == "wrong"} == {fault.finds}
    assert {found.check for found in wrong.values() if found.outcome == "unseen"} == fault.blinds
    found = wrong[fault.finds]
    assert found.check == fault.check
    assert fault.told in found.finding.detail
    assert found.mend is not None
    for _ in range(2):
        (done,) = examine.mend(patient, [(found, found.mend)])
        assert done.error == "", "and what is done twice is done once"
    assert stage.wrong() == {}, "a second look finds nothing left"


def test_the_record_that_is_written_is_the_one_that_chalice_wrote(stage: Stage) -> None:
    (stage.folder / "deployed" / f"{STAGE}.json").unlink()
    assert len(stage.mend(stage.patient())) == 1
    ours = stage.record()
    assert [one["name"] for one in ours["resources"]] == [one["name"] for one in stage.chalices["resources"]]
    # The mappings were made anew by the faults before, if there were any: AWS gives each its own id.
    chalices = [{**one, "event_uuid": ""} for one in stage.chalices["resources"]]
    assert [{**one, "event_uuid": ""} for one in ours["resources"]] == chalices
    assert {key: value for key, value in ours.items() if key != "resources"} == {
        "schema_version": "2.0",
        "backend": "api",
    }
    uuids = {one["event_uuid"] for one in ours["resources"] if "event_uuid" in one}
    assert uuids == {stage.mapping(name)["UUID"] for name in ("inbox", "effects", "mail")}
