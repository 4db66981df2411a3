"""Mutations of what runs a stage: replay and redrive, limits and rotation, and the lanes that real stores showed."""

from __future__ import annotations

from tests.mutants.mutant import SERVICES, Mutant

_REPLAY = "tests/operating/test_replay.py::"
_BESIDE = "tests/operating/test_replay_beside.py::"
_REDRIVE = "tests/operating/test_redrive.py::"
_LIMITS = "tests/security/test_limits.py::"
_ROTATION = "tests/security/test_rotation.py::"

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        "P1",
        "a corrected record's raw delivery stays packed with its old words, and is lost",
        SERVICES + "corrected.py",
        """    if {"text", "author"} & change.keys():""",
        """    if not {"text", "author"}:""",
        (_REPLAY + "test_what_was_read_wrongly_is_put_right_and_told_to_nobody",),
    ),
    Mutant(
        "P1",
        "a replay overwrites what somebody changed meanwhile",
        SERVICES + "corrected.py",
        """set=change or {"delivery": delivery.id}, when=when)""",
        """set=change or {"delivery": delivery.id})""",
        (_BESIDE + "test_what_somebody_changes_meanwhile_stays_as_they_left_it",),
    ),
    Mutant(
        "P1",
        "a dead letter is deleted before it is in its queue",
        SERVICES + "redrive.py",
        """            source.take_in(letter)
            dead.delete(letter["ReceiptHandle"])
""",
        """            dead.delete(letter["ReceiptHandle"])
            source.take_in(letter)
""",
        (_REDRIVE + "test_a_letter_is_in_its_queue_before_it_leaves_the_dead_letters",),
    ),
    Mutant(
        "P1",
        "a flood of bad signatures keeps good deliveries out",
        SERVICES + "receive.py",
        """    try:
        answer = connector.handshake(request)
        if answer is None:""",
        """    from chalicelib.services import limits

    if limits.of(deps).webhooks.full(connection_id, deps.now()):
        return _refused(deps, 401, "full", provider, connection_id)
    try:
        answer = connector.handshake(request)
        if answer is None:""",
        (_LIMITS + "test_a_flood_of_bad_signatures_keeps_no_good_delivery_of_the_same_connection_out",),
    ),
    Mutant(
        "P3",
        "a message that stands under another key already is stored a second time",
        SERVICES + "reparsed.py",
        """    if lost and any(""",
        """    if not lost and any(""",
        (_BESIDE + "test_what_may_be_stored_under_another_key_is_not_stored_twice",),
    ),
    Mutant(
        "P3",
        "a record changes while a call that may be repeated carries it",
        SERVICES + "corrected.py",
        """    if any(head.get("call") for head in unfinished):""",
        """    if any(head.get("call") for head in ()):""",
        (_BESIDE + "test_no_word_changes_while_a_call_carries_it",),
    ),
    Mutant(
        "P4",
        "a dead letter goes back into a group of its own",
        "chalicelib/aws/queues.py",
        """entry |= {"MessageGroupId": group,""",
        """entry |= {"MessageGroupId": self.random(16).hex(),""",
        (_REDRIVE + "test_dead_letters_go_back_into_their_groups_in_their_order",),
    ),
    Mutant(
        "P4",
        "waits that a provider asked for count as failures",
        SERVICES + "outcomes.py",
        """    tries = int(head.get("tries", 0)) + (error.retry_after is None)""",
        """    tries = int(head.get("tries", 0)) + 1""",
        (
            "tests/promises/test_outages.py::"
            "test_after_many_waits_that_slack_asked_for_a_single_failure_is_tried_again_within_a_minute",
        ),
    ),
    Mutant(
        "P6",
        "a file of a mail with a virus is copied by a replay",
        SERVICES + "corrected.py",
        """        if not conversation.get("held") and not kept.get("automatic"):""",
        """        if conversation or kept:""",
        (_REPLAY + "test_a_file_of_a_mail_with_a_virus_is_noted_and_never_copied",),
    ),
    Mutant(
        "P8",
        "a secret is accepted for minutes after its grace",
        SERVICES + "connections.py",
        """(min(now, until - _CACHED), connector.name, connector)""",
        """(now, connector.name, connector)""",
        (_ROTATION + "test_both_are_accepted_within_the_grace_and_the_old_one_is_refused_after",),
    ),
)
