"""Mutations of the other channels' doors, of merging under races, and of what two desks tell each other."""

from __future__ import annotations

from tests.mutants.mutant import SERVICES, Mutant

_OUTAGES = "tests/promises/test_wide_outages.py::"
_RACES = "tests/promises/test_wide_races.py::"
_DESKS = "tests/flows/test_two_desks.py::"
_TRACKING = "tests/flows/test_tracking.py::"
_THREADS = "tests/flows/test_mail_threads.py::"

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        "P1",
        "a mail that is not in the bucket yet is given up at once",
        SERVICES + "inbox.py",
        """        if deps.now() - int(body["at"]) > _STORED_WITHIN:
            raise
""",
        """        raise
""",
        (_OUTAGES + "test_a_mail_that_is_told_of_before_it_can_be_read_comes_again",),
    ),
    Mutant(
        "P1",
        "a connection is paused before anybody is told of it",
        SERVICES + "hints.py",
        """        return
    # Listed""",
        """        return
    deps.connections.pause(connection, reason)
    # Listed""",
        (_OUTAGES + "test_refused_credentials_are_told_whichever_write_fails",),
    ),
    Mutant(
        "P2",
        "a mail's identity is claimed over another's",
        SERVICES + "people.py",
        """    writes: list[Write] = [Put(claim, new=True), Put(profile, new=True)]
    return customer_id, writes + [Put({"pk": pk, "customer": customer_id}, new=True) for pk, _ in verified]""",
        """    writes: list[Write] = [Put(claim), Put(profile, new=True)]
    return customer_id, writes + [Put({"pk": pk, "customer": customer_id}) for pk, _ in verified]""",
        (_RACES + "test_first_mails_of_a_new_person_at_once_are_one_customer",),
    ),
    Mutant(
        "P2",
        "two merge a customer into different ones",
        SERVICES + "people.py",
        """remove=("listed", "listed_at"), when=_unchanged(other)),""",
        """remove=("listed", "listed_at")),""",
        (_RACES + "test_three_customers_are_merged_from_two_sides_at_once",),
    ),
    Mutant(
        "P2",
        "what somebody opened is noted at a customer who was merged away",
        SERVICES + "people.py",
        """    return [*writes, Update(pk, set=noted, when={"merged_into": None})]""",
        """    return [*writes, Update(pk, set=noted)]""",
        (_RACES + "test_who_is_merged_while_their_message_is_stored_goes_on_where_they_were_merged_into",),
    ),
    Mutant(
        "P4",
        "one unreadable notification keeps back the mails behind it",
        SERVICES + "mail.py",
        """        except Unreadable as error:
            set_aside(body, str(error), deps)
""",
        """        except Unreadable:
            raise
""",
        (_OUTAGES + "test_what_the_mail_function_cannot_read_is_set_aside_and_the_next_mail_arrives",),
    ),
    Mutant(
        "P6",
        "whoever knows the address may text in Twilio's name",
        "connectors/sms/__init__.py",
        """        form.verify(self.settings, self.webhook_url, request)
""",
        """        return
""",
        ("tests/promises/test_wide_doors.py::test_a_forged_delivery_is_refused_and_nothing_of_it_is_kept",),
    ),
    Mutant(
        "P6",
        "an Outbound Message needs no secret",
        "connectors/salesforce/hooks.py",
        """    if not any([hmac.compare_digest(given, one) for one in right]):""",
        """    if not is_xml(request.body) and not any([hmac.compare_digest(given, one) for one in right]):""",
        ("tests/promises/test_wide_doors.py::test_a_forged_delivery_is_refused_and_nothing_of_it_is_kept",),
    ),
    Mutant(
        "P7",
        "what came back after its delivery stays delivered",
        SERVICES + "tracking.py",
        """(before and _RANKS[DeliveryState(before)] >= _RANKS[event.state])""",
        """(before and (before == "delivered" or _RANKS[DeliveryState(before)] >= _RANKS[event.state]))""",
        (_TRACKING + "test_what_comes_back_after_it_was_delivered_is_told_and_stays_so",),
    ),
    Mutant(
        "P7",
        "a message that meets a solved case opens it in that desk alone",
        SERVICES + "outcomes.py",
        """        others = conversation["crms"] if status != conversation["status"] else []""",
        """        others = []""",
        (_DESKS + "test_a_message_that_meets_a_case_just_solved_opens_it_in_both_desks",),
    ),
    Mutant(
        "P8",
        "the files of a mail with a virus are copied once it is released",
        SERVICES + "held.py",
        """            if conversation["held"] == "virus":""",
        """            if False:""",
        (_THREADS + "test_the_files_of_a_mail_with_a_virus_are_never_copied",),
    ),
)
