"""Mutations of what several channels and several CRMs add: whose message it is, where it belongs, what became of it."""

from __future__ import annotations

from tests.mutants.mutant import SERVICES, Mutant

_PEOPLE = "tests/flows/test_people.py::"
_THREADS = "tests/flows/test_mail_threads.py::"
_TRACKING = "tests/flows/test_tracking.py::"
_DESKS = "tests/flows/test_two_desks.py::"
_FILES = "tests/flows/test_files.py::"

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        "P6",
        "a stranger who knows a thread's sign gets into it",
        SERVICES + "place.py",
        """    if not event.participants or _address""",
        """    if True or _address""",
        (_THREADS + "test_no_sign_lets_a_stranger_into_a_conversation",),
    ),
    Mutant(
        "P6",
        "a mail's header proves who sent it",
        "connectors/ses/inbound.py",
        """receipt.get("dmarc") == "PASS" and""",
        """""",
        (_PEOPLE + "test_a_mere_header_never_merges",),
    ),
    Mutant(
        "P6",
        "any number that a member writes into a profile is theirs",
        "connectors/slack/account.py",
        """ if settings.get("profile_phone") == "yes" else \"\"""",
        """""",
        (_PEOPLE + "test_a_number_in_a_profile_counts_only_where_the_admin_says_so",),
    ),
    Mutant(
        "P6",
        "a note of one desk is public in the other",
        SERVICES + "to_crm.py",
        """message["author"], message["kind"] == "message\"""",
        """message["author"], True""",
        (_DESKS + "test_a_note_in_one_desk_is_a_note_in_the_other",),
    ),
    Mutant(
        "P2",
        "an answer that overtakes what it answers claims nothing",
        SERVICES + "place.py",
        """        if (keys.message(delivery.connection, key), "-") not in items
        and""",
        """        if False and""",
        (_THREADS + "test_the_order_in_which_a_thread_arrives_does_not_matter",),
    ),
    Mutant(
        "P2",
        "customers are merged, but their addresses still name the one who is gone",
        SERVICES + "people.py",
        """        *(Update(pk, set={"customer": first["id"]}) for pk in dict.fromkeys(claimed)),
""",
        """""",
        (_PEOPLE + "test_merging_keeps_the_older_and_leads_there",),
    ),
    Mutant(
        "P2",
        "a verified address is nobody's",
        SERVICES + "people.py",
        """        others = {claim["customer"] for claim in found.values()} - {kept["id"]}
""",
        """        others = set()
""",
        (_PEOPLE + "test_slack_mail_and_sms_of_one_person_are_one_customer",),
    ),
    Mutant(
        "P3",
        "the provider's callback settles no call",
        SERVICES + "tracking.py",
        """if kept is None and event.reference and _settle(event, delivery, deps):""",
        """if kept is None and event.reference and False:""",
        (_TRACKING + "test_a_mail_whose_answer_was_lost_is_settled_by_its_event",),
    ),
    Mutant(
        "P3",
        "a call that only its echo can settle is repeated",
        "chalicelib/core/ledger.py",
        """        return "wait" if now < int(call["started_at"]) + settle_ms else "unknown\"""",
        """        return "repeat\"""",
        (_TRACKING + "test_an_event_that_comes_late_settles_what_a_person_was_asked_about",),
    ),
    Mutant(
        "P3",
        "a text in doubt is never found",
        "connectors/sms/send.py",
        """    return (sids or [found])[0] if found and len(sids) + 1 >= len(digests) else None""",
        """    return None""",
        (_TRACKING + "test_a_text_in_doubt_is_looked_up",),
    ),
    Mutant(
        "P3",
        "a comment is relayed to the desk that it came from too",
        SERVICES + "messages.py",
        """    others = [crm for crm in conversation["crms"] if crm != item["connection"]]""",
        """    others = list(conversation["crms"])""",
        (_DESKS + "test_an_answer_in_one_desk_appears_in_the_other_and_goes_out_once",),
    ),
    Mutant(
        "P4",
        "a message waits for its files",
        SERVICES + "opening.py",
        """    target = keys.files_of(item["connection"])
    more""",
        """    target = item["connection"]
    more""",
        (_FILES + "test_an_answer_does_not_wait_for_a_file_that_cannot_be_fetched",),
    ),
    Mutant(
        "P5",
        "an automatic answer reopens the matter",
        SERVICES + "opening.py",
        """    if event.automatic:
        return _note""",
        """    if False:
        return _note""",
        (_THREADS + "test_an_automatic_answer_is_a_note_and_changes_nothing",),
    ),
    Mutant(
        "P5",
        "two machines answer each other without end",
        SERVICES + "budget.py",
        """    if int(counted["sent"]) > budget:""",
        """    if False:""",
        (_THREADS + "test_two_machines_that_answer_each_other_stop",),
    ),
    Mutant(
        "P5",
        "spam becomes a ticket",
        SERVICES + "opening.py",
        """    held = event.held or event.automatic""",
        """    held = \"\"""",
        (_THREADS + "test_what_is_no_persons_matter_is_kept_marked_and_can_be_released",),
    ),
    Mutant(
        "P7",
        "a CRM's narrower words are taken for news",
        SERVICES + "hints.py",
        """        written, _ = connector.read_back(Status(ours.status), Priority(ours.priority))
        merged = merge.merge(ours, agreed, event, written)""",
        """        merged = merge.merge(ours, agreed, event)""",
        (_DESKS + "test_a_status_that_one_desk_lacks_stays_what_it_is_in_the_other",),
    ),
    Mutant(
        "P7",
        "a late callback takes back how far a message came",
        SERVICES + "tracking.py",
        """        if (before and _RANKS[DeliveryState(before)] >= _RANKS[event.state]) or""",
        """        if""",
        (_TRACKING + "test_callbacks_in_any_order_tell_how_far_it_came",),
    ),
    Mutant(
        "P7",
        "what is solved in one desk stays open in the other",
        SERVICES + "hints.py",
        """    others = [crm for crm in conversation["crms"] if crm != source] if changed else []""",
        """    others = []""",
        (_DESKS + "test_solved_in_one_is_solved_in_the_other",),
    ),
    Mutant(
        "P8",
        "a link to a file needs no signature",
        SERVICES + "links.py",
        """hmac.compare_digest(signature, _signature(named, key)) for key in counting""",
        """signature for key in counting""",
        (_FILES + "test_a_link_that_we_did_not_sign_leads_nowhere",),
    ),
)
