"""Mutations of P5 to P8: no loops, private stays private, both sides converge, bad input is refused."""

from __future__ import annotations

from tests.mutants.mutant import SERVICES, Mutant, node

MUTANTS: tuple[Mutant, ...] = (
    # --- P5: no loops -------------------------------------------------------------------------------------------
    Mutant(
        "P5",
        "our own comments come back as news",
        SERVICES + "outcomes.py",
        """        writes += [Put({"pk": keys.message(head["connection"], key), **ours}) for key in done.keys]""",
        """        ours.clear()""",
        node("test_silence", "test_what_we_write_ourselves_does_not_come_back_as_news"),
    ),
    Mutant(
        "P5",
        "a ticket is read while our own call on it is open",
        SERVICES + "hints.py",
        """    if before.get("call") and not before.get("held"):
        return _wait_for_call(hint, delivery, lane, deps)
""",
        "",
        node("test_recovery", "test_a_comment_of_ours_whose_call_is_open_is_not_taken_for_somebody_elses"),
    ),
    Mutant(
        "P5",
        "the bot's own messages are a customer's",
        "connectors/slack/parse.py",
        """    reason = not_a_person(event, delivery, settings)
    if reason:
        return Ignored(reason)
    received""",
        """    received""",
        node(
            "test_overtaken",
            "test_our_answer_that_comes_back_before_we_noted_it_is_no_customers_message",
            "test_another_apps_message_is_not_a_customers",
        ),
    ),
    Mutant(
        "P5",
        "a retry does not wait as it was told to",
        SERVICES + "outcomes.py",
        """    wait = int(error.retry_after * 1000) if error.retry_after is not None else ledger.backoff(tries)""",
        """    wait = 1000""",
        node("test_outages", "test_slack_is_not_called_before_its_retry_after_is_over[90]"),
    ),
    Mutant(
        "P5",
        "an account's limit is taken for one lane's",
        SERVICES + "outcomes.py",
        """    if error.scope == "connection":
        deps.connections.wait""",
        """    if error.scope == "nobody":
        deps.connections.wait""",
        node("test_outages", "test_zendesk_is_not_called_at_all_before_its_retry_after_is_over[90]"),
    ),
    # --- P6: private stays private ------------------------------------------------------------------------------
    Mutant(
        "P6",
        "the last door before the customer stands open",
        SERVICES + "to_channel.py",
        """    guard(message)
""",
        "",
        node("test_privacy", "test_an_entry_that_names_a_private_record_does_not_leave_the_house"),
    ),
    Mutant(
        "P6",
        "notes become answers",
        SERVICES + "messages.py",
        """        to_customer = event.public and event.author.role is not Role.CUSTOMER""",
        """        to_customer = event.author.role is not Role.CUSTOMER""",
        node("test_privacy", "test_a_note_makes_no_work_for_the_customers_channel"),
    ),
    Mutant(
        "P6",
        "a comment is public unless it says that it is private",
        "connectors/zendesk/read.py",
        """        public=comment.get("public") is True,""",
        """        public=comment.get("public") is not False,""",
        node("test_privacy", "test_a_comment_is_private_unless_zendesk_says_that_it_is_public"),
    ),
    Mutant(
        "P6",
        "edits are told to the ticket in public",
        SERVICES + "to_crm.py",
        """for entry in work.entries), public=False)""",
        """for entry in work.entries), public=True)""",
        node("test_privacy", "test_an_edit_is_told_to_agents_alone"),
    ),
    Mutant(
        "P6",
        "an exception's words are logged",
        "chalicelib/log.py",
        """outcome="bug", error=type(error).__name__""",
        """outcome="bug", error=str(error)""",
        node("test_privacy", "test_a_bugs_words_stay_out_of_the_log"),
    ),
    # --- P7: both sides converge --------------------------------------------------------------------------------
    Mutant(
        "P7",
        "a customer's new message does not reopen",
        "chalicelib/core/threading.py",
        """    Status.SOLVED: Status.OPEN,""",
        """    Status.SOLVED: Status.SOLVED,""",
        node("test_convergence", "test_a_customers_new_message_reopens_on_both_sides"),
    ),
    Mutant(
        "P7",
        "a message that crossed solved stays in a solved ticket",
        SERVICES + "to_crm.py",
        """    stands = _stands(work, written, sent)""",
        """    stands = None""",
        node("test_convergence", "test_a_message_that_crosses_solved_reopens_the_ticket"),
    ),
    Mutant(
        "P7",
        "the CRM's status is not taken over",
        "chalicelib/core/merge.py",
        """    if written == agreed or not agreed:
        return theirs, False, ()""",
        """    if written == agreed or not agreed:
        return ours, False, ()""",
        node("test_convergence", "test_a_missed_webhook_is_mended_by_the_poll"),
    ),
    Mutant(
        "P7",
        "a hint that waited for a call is forgotten",
        SERVICES + "hints.py",
        """    deps.table.update(Update(lane, keys.HEAD, set={"then_wake": pull}))
    head = deps.table.get(lane, keys.HEAD) or {}
    if not head.get("call"):
        lanes.wake([pull], deps)""",
        """    deps.table.update(Update(pull, keys.HEAD, remove=("due_pk", "due_at")))""",
        node("test_overtaken", "test_a_hint_that_waits_for_our_own_call_is_read_as_soon_as_the_call_is_done"),
    ),
    Mutant(
        "P7",
        "what a paused connection kept is not worked off",
        SERVICES + "connections.py",
        """        released = lanes.release_paused(connection_id, self.deps)""",
        """        released = 0 if lanes else 1""",
        node("test_recovery", "test_resuming_a_connection_releases_its_lanes_at_once"),
    ),
    # --- P8: bad input gets a clear refusal ---------------------------------------------------------------------
    Mutant(
        "P8",
        "a bad signature is accepted",
        "connectors/signing.py",
        """    if not any(matches):""",
        """    if not matches:""",
        node("test_refusals", "test_a_forgery_is_401_a_metric_and_no_record"),
    ),
    Mutant(
        "P8",
        "a bad signature is accepted once the settings have been read again",
        SERVICES + "receive.py",
        """        if fresh is None or not _verified_by(fresh, request):""",
        """        if fresh is None:""",
        node("test_refusals", "test_a_forgery_is_refused_also_where_the_settings_are_read_again"),
    ),
    Mutant(
        "P8",
        "an old request may be replayed",
        "connectors/signing.py",
        """    if abs(now - sent_at) > WINDOW_MS:""",
        """    if abs(now - sent_at) > WINDOW_MS * 100:""",
        node("test_refusals", "test_a_forgery_is_401_a_metric_and_no_record[stale-slack]"),
    ),
    Mutant(
        "P8",
        "depth is not limited",
        SERVICES + "receive.py",
        """            if depth > DEEPEST:
                return True""",
        """            if depth < 0:
                return True""",
        node("test_bad_input", "test_bad_input_over_http_gets_its_refusal_and_leaves_nothing[too deep]"),
    ),
    Mutant(
        "P8",
        "any number of unknown ids is looked up",
        SERVICES + "connections.py",
        """        return second == now // 1000 and count >= _UNKNOWN_A_SECOND""",
        """        return second < 0 and count >= _UNKNOWN_A_SECOND""",
        node("test_refusals", "test_a_stranger_who_tries_many_ids_does_not_keep_the_known_connection_out"),
    ),
    Mutant(
        "P8",
        "a connection answers under another provider's name",
        SERVICES + "connections.py",
        """        return connector if connector.name == provider else None

    def reread""",
        """        return connector

    def reread""",
        node("test_refusals", "test_an_unknown_connection_is_verified_like_a_known_one[slack/{zendesk}]"),
    ),
)
