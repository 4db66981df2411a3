"""Mutations of P1 to P4: nothing acknowledged is lost, stored once, one effect, in order."""

from __future__ import annotations

from tests.mutants.mutant import SERVICES, Mutant, node

MUTANTS: tuple[Mutant, ...] = (
    # --- P1: nothing acknowledged is lost -----------------------------------------------------------------------
    Mutant(
        "P1",
        "200 before the delivery is queued",
        SERVICES + "receive.py",
        """    except AwsUnavailable:
        return _unavailable(deps, provider, connection_id)
    took = deps.now() - request.now""",
        """    except AwsUnavailable:
        return WebhookResponse(200)
    took = deps.now() - request.now""",
        node("test_acknowledged", "test_a_queue_that_is_down_is_answered_503_and_the_retry_is_stored"),
    ),
    Mutant(
        "P1",
        "404 where the settings cannot be read",
        SERVICES + "receive.py",
        """        connector = deps.connections.find(provider, connection_id)
    except AwsUnavailable:
        return _unavailable(deps, provider, connection_id)""",
        """        connector = deps.connections.find(provider, connection_id)
    except AwsUnavailable:
        connector = None""",
        node("test_acknowledged", "test_settings_that_cannot_be_read_by_a_new_process_are_503"),
    ),
    Mutant(
        "P1",
        "401 where a rotated secret cannot be read",
        SERVICES + "receive.py",
        """            fresh = deps.connections.reread(provider, connection_id)
        except AwsUnavailable:
            return _unavailable(deps, provider, connection_id)""",
        """            fresh = deps.connections.reread(provider, connection_id)
        except AwsUnavailable:
            fresh = None""",
        node("test_acknowledged", "test_a_rotated_secret_that_cannot_be_read_is_503_and_then_taken"),
    ),
    Mutant(
        "P1",
        "what cannot be parsed is dropped",
        SERVICES + "inbox.py",
        """    except Unparsable as error:
        set_aside(body, str(error), deps, kind="delivery")
""",
        """    except Unparsable:
""",
        node("test_acknowledged", "test_a_verified_body_that_cannot_be_read_is_kept_raw_and_can_be_tried_again"),
    ),
    Mutant(
        "P1",
        "an outage of AWS counts as a crash",
        SERVICES + "inbox.py",
        """        deps.log.step("inbox", outcome="again", error=str(error)[:100], **ids)
        if redelivered:
            _came_to_an_end(record["messageId"], deps)
""",
        "",
        node("test_acknowledged", "test_an_outage_of_aws_of_an_hour_drains_by_itself[sqs]"),
    ),
    Mutant(
        "P1",
        "a message that kills its worker is tried for ever",
        SERVICES + "inbox.py",
        """    return int(noted["tries"]) > _TRIES""",
        """    return int(noted["tries"]) > 1000""",
        node("test_acknowledged", "test_a_message_that_kills_its_worker_is_set_aside_alone"),
    ),
    Mutant(
        "P1",
        "a message's innocent neighbours are set aside with it",
        SERVICES + "inbox.py",
        """    if redelivered:
        _came_to_an_end(record["messageId"], deps)
    return line""",
        """    return line""",
        node("test_acknowledged", "test_a_message_that_kills_its_worker_is_set_aside_alone"),
    ),
    Mutant(
        "P1",
        "a repetition does not wake the lanes",
        SERVICES + "messages.py",
        """    lanes.wake([keys.lane(kept["conversation"], target) for target in kept.get("lanes", ())], deps)
    return STORED""",
        """    return STORED""",
        node("test_recovery", "test_a_repetition_wakes_the_lanes_whose_first_wake_was_lost"),
    ),
    Mutant(
        "P1",
        "the clock does not wake lanes that are due",
        SERVICES + "clock.py",
        """    lanes.wake(wake, deps)
    return len(wake)""",
        """    return len(wake)""",
        node("test_recovery", "test_the_clock_wakes_a_lane_whose_wake_was_lost"),
    ),
    Mutant(
        "P1",
        "the cursor moves before its page is queued",
        SERVICES + "poll.py",
        """    deps.inbox.send_all(news)
    try:""",
        """    try:""",
        node("test_convergence", "test_a_missed_webhook_is_mended_by_the_poll"),
    ),
    # --- P2: stored once ----------------------------------------------------------------------------------------
    Mutant(
        "P2",
        "a message is known by its delivery, not by its own id",
        SERVICES + "messages.py",
        """    item = _inbound_item(event, delivery, customer, deps, provisional)""",
        """    item = _inbound_item(event, delivery, customer, deps) | {"pk": keys.message("x", delivery.id)}""",
        node("test_repetition", "test_a_mention_and_its_message_are_one_message"),
    ),
    Mutant(
        "P2",
        "messages are forgotten after a day",
        SERVICES + "records.py",
        """        "at": deps.now(),""",
        """        "at": deps.now(), "expires_at": deps.now() // 1000 + 86_400,""",
        node("test_repetition", "test_a_webhook_that_comes_again_much_later_changes_nothing[8 days-same event id]"),
    ),
    Mutant(
        "P2",
        "the thread's claim has no condition",
        SERVICES + "opening.py",
        """set={"conversation": conversation_id}, when=when),""",
        """set={"conversation": conversation_id}),""",
        node("test_overtaken", "test_a_worker_overtaken_at_its_write_reads_again[two of a new thread-1-in order]"),
    ),
    Mutant(
        "P2",
        "the identity's claim has no condition",
        SERVICES + "people.py",
        """    writes: list[Write] = [Put(claim, new=True), Put(profile, new=True)]""",
        """    writes: list[Write] = [Put(claim), Put(profile)]""",
        node(
            "test_overtaken",
            "test_a_worker_overtaken_at_its_write_reads_again[two threads of a new customer-1-in order]",
        ),
    ),
    Mutant(
        "P2",
        "the message's key is not looked up",
        SERVICES + "messages.py",
        """            return _again(kept, event.text, delivery, deps)
        customer, writes""",
        """            kept = None
        customer, writes""",
        node("test_repetition", "test_a_mention_and_its_message_are_one_message"),
    ),
    Mutant(
        "P2",
        "words of an edit that overtook its message stay in the message",
        SERVICES + "messages.py",
        """        if kept is not None and kept.get("provisional") and not provisional:""",
        """        if kept is None and not provisional and deps is None:""",
        node("test_orders", "test_an_edit_that_overtakes_its_message_leaves_the_message_its_own_words"),
    ),
    # --- P3: one effect -----------------------------------------------------------------------------------------
    Mutant(
        "P3",
        "a doubtful call is taken for one that was not applied",
        SERVICES + "outcomes.py",
        """    forget = not error.doubtful and not work.call.retry""",
        """    forget = True""",
        node("test_recovery", "test_an_answer_that_got_lost_is_looked_up_before_it_is_sent_again"),
    ),
    Mutant(
        "P3",
        "nobody waits for the worker that is at it",
        "chalicelib/core/ledger.py",
        """    if call and call["until"] > now:
        return Idle(call["until"])""",
        """    if call and call["until"] < 0:
        return Idle(call["until"])""",
        node("test_overtaken", "test_nobody_acts_before_the_slow_worker_must_be_dead"),
    ),
    Mutant(
        "P3",
        "the lane is claimed without a condition",
        SERVICES + "effects.py",
        """        return deps.table.update(Update(head["pk"], keys.HEAD, set={"call": call}, when=when))""",
        """        return deps.table.update(Update(head["pk"], keys.HEAD, set={"call": call}))""",
        node(
            "test_races", "test_two_workers_on_one_lane_make_one_ticket", "test_two_workers_on_one_lane_send_one_answer"
        ),
    ),
    Mutant(
        "P3",
        "a lookup that finds nothing counts at once",
        SERVICES + "effects.py",
        """    if deps.now() < call["attempted_at"] + settle:""",
        """    if deps.now() < call["attempted_at"] - settle:""",
        node("test_recovery", "test_a_lookup_that_finds_nothing_counts_only_after_the_settle_time"),
    ),
    Mutant(
        "P3",
        "a call that cannot be looked up is repeated rather than shown",
        "chalicelib/core/ledger.py",
        """        return "wait" if now < int(call["started_at"]) + settle_ms else "unknown"
    return "unknown\"""",
        """        return "repeat"
    return "repeat\"""",
        node("test_recovery", "test_a_doubt_that_nothing_settles_is_shown_to_a_person"),
    ),
    Mutant(
        "P3",
        "Slack's message does not carry the call's id",
        "connectors/slack/send.py",
        """"event_payload": {"call_id": call.id}""",
        """"event_payload": {"call_id": ""}""",
        node("test_recovery", "test_an_answer_that_got_lost_is_looked_up_before_it_is_sent_again"),
    ),
    Mutant(
        "P3",
        "Zendesk's new ticket has no idempotency key",
        "connectors/zendesk/session.py",
        """"Idempotency-Key": _key.get()}""",
        """"X-Another-Key": _key.get()}""",
        node("test_recovery", "test_a_new_ticket_bears_its_calls_key"),
    ),
    # --- P4: in order -------------------------------------------------------------------------------------------
    Mutant(
        "P4",
        "a held lane goes on",
        "chalicelib/core/ledger.py",
        """    if head.get("held"):
        return Idle(None)
""",
        "",
        node("test_lanes", "test_a_retried_entry_goes_first_and_the_others_keep_their_order"),
    ),
    Mutant(
        "P4",
        "skipping a joined call skips its first entry only",
        SERVICES + "lanes.py",
        """        change["first"] = last + 1
    if skip or""",
        """        change["first"] = first + 1
    if skip or""",
        node("test_lanes", "test_joined_messages_that_fail_are_retried_or_skipped_together"),
    ),
    Mutant(
        "P4",
        "joined messages stand in the order of their ids",
        SERVICES + "to_crm.py",
        """    lines = sorted(work.messages, key=lambda message: message["sort"])""",
        """    lines = sorted(work.messages, key=lambda message: message["sort"], reverse=True)""",
        node("test_lanes", "test_messages_reach_the_ticket_in_the_order_of_the_channel"),
    ),
    Mutant(
        "P4",
        "messages of different people share a comment",
        SERVICES + "opening.py",
        """    join, size = f"comment {item['customer']}", len(item["text"])""",
        """    join, size = "comment", len(item["text"])""",
        node("test_lanes", "test_waiting_messages_of_two_people_are_two_comments"),
    ),
    Mutant(
        "P4",
        "the entries' numbers are not guarded by the conversation's version",
        SERVICES + "conversations.py",
        """    return Update(conversation["pk"], set={**change, "version": version + 1}, when={"version": version})""",
        """    return Update(conversation["pk"], set={**change, "version": version + 1})""",
        node("test_overtaken", "test_a_worker_overtaken_at_its_write_reads_again"),
    ),
)
