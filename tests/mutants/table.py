"""The mutations, by promise: where, what stands there, what takes its place, and the tests that must turn red."""

from __future__ import annotations

from dataclasses import dataclass

SERVICES = "chalicelib/services/"
TESTS = "tests/promises/"


@dataclass(frozen=True)
class Mutant:
    """One mutation.

    promise  P1 to P8
    breaks   what the code does afterwards, in a few words
    file     the file that is changed; `old` stands in it exactly once and becomes `new`
    tests    the pytest node ids, below tests/promises/, that cover it
    """

    promise: str
    breaks: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


def _node(file: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{TESTS}{file}.py::{name}" for name in names)


MUTANTS: tuple[Mutant, ...] = (
    # --- P1: nothing acknowledged is lost -----------------------------------------------------------------------
    Mutant(
        "P1",
        "200 before the delivery is queued",
        SERVICES + "receive.py",
        """    except AwsUnavailable:
        return _unavailable(deps, provider, connection_id)
    deps.log.step("receive", outcome="queued\"""",
        """    except AwsUnavailable:
        return WebhookResponse(200)
    deps.log.step("receive", outcome="queued\"""",
        _node("test_acknowledged", "test_a_queue_that_is_down_is_answered_503_and_the_retry_is_stored"),
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
        _node("test_acknowledged", "test_settings_that_cannot_be_read_by_a_new_process_are_503"),
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
        _node("test_acknowledged", "test_a_rotated_secret_that_cannot_be_read_is_503_and_then_taken"),
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
        _node("test_acknowledged", "test_a_verified_body_that_cannot_be_read_is_kept_raw_and_can_be_tried_again"),
    ),
    Mutant(
        "P1",
        "an outage of AWS counts as a crash",
        SERVICES + "inbox.py",
        """            if redelivered:
                _came_to_an_end(record["messageId"], deps)
            raise""",
        """            raise""",
        _node("test_acknowledged", "test_an_outage_of_aws_of_an_hour_drains_by_itself[sqs]"),
    ),
    Mutant(
        "P1",
        "a message that kills its worker is tried for ever",
        SERVICES + "inbox.py",
        """    return int(noted["tries"]) > _TRIES""",
        """    return int(noted["tries"]) > 1000""",
        _node("test_acknowledged", "test_a_message_that_kills_its_worker_is_set_aside_alone"),
    ),
    Mutant(
        "P1",
        "a message's innocent neighbours are set aside with it",
        SERVICES + "inbox.py",
        """        if redelivered:
            _came_to_an_end(record["messageId"], deps)


def _webhook""",
        """

def _webhook""",
        _node("test_acknowledged", "test_a_message_that_kills_its_worker_is_set_aside_alone"),
    ),
    Mutant(
        "P1",
        "a repetition does not wake the lanes",
        SERVICES + "messages.py",
        """    lanes.wake([keys.lane(kept["conversation"], target) for target in kept.get("lanes", ())], deps)
    return STORED""",
        """    return STORED""",
        _node("test_recovery", "test_a_repetition_wakes_the_lanes_whose_first_wake_was_lost"),
    ),
    Mutant(
        "P1",
        "the clock does not wake lanes that are due",
        SERVICES + "clock.py",
        """    lanes.wake(wake, deps)
    return len(wake)""",
        """    return len(wake)""",
        _node("test_recovery", "test_the_clock_wakes_a_lane_whose_wake_was_lost"),
    ),
    Mutant(
        "P1",
        "the cursor moves before its page is queued",
        SERVICES + "poll.py",
        """    deps.inbox.send_all(news)
    try:""",
        """    try:""",
        _node("test_convergence", "test_a_missed_webhook_is_mended_by_the_poll"),
    ),
    # --- P2: stored once ----------------------------------------------------------------------------------------
    Mutant(
        "P2",
        "a message is known by its delivery, not by its own id",
        SERVICES + "messages.py",
        """    message_key = keys.message(delivery.connection, event.key)""",
        """    message_key = keys.message(delivery.connection, delivery.id)""",
        _node("test_repetition", "test_a_mention_and_its_message_are_one_message"),
    ),
    Mutant(
        "P2",
        "messages are forgotten after a day",
        SERVICES + "records.py",
        """        "at": deps.now(),""",
        """        "at": deps.now(), "expires_at": deps.now() // 1000 + 86_400,""",
        _node("test_repetition", "test_a_webhook_that_comes_again_much_later_changes_nothing[8 days-same event id]"),
    ),
    Mutant(
        "P2",
        "the thread's claim has no condition",
        SERVICES + "messages.py",
        """        Update(keys.thread(delivery.connection, event.thread), set=claim, when=when),""",
        """        Update(keys.thread(delivery.connection, event.thread), set=claim),""",
        _node("test_overtaken", "test_a_worker_overtaken_at_its_write_reads_again[two of a new thread-1-in order]"),
    ),
    Mutant(
        "P2",
        "the identity's claim has no condition",
        SERVICES + "messages.py",
        """    return [Put(claim, new=True), Put(profile, new=True)], customer_id""",
        """    return [Put(claim), Put(profile)], customer_id""",
        _node(
            "test_overtaken",
            "test_a_worker_overtaken_at_its_write_reads_again[two threads of a new customer-1-in order]",
        ),
    ),
    Mutant(
        "P2",
        "the message's key is not looked up",
        SERVICES + "messages.py",
        """            return _again(kept, event.text, delivery, deps)
        thread = found.get""",
        """            kept = None
        thread = found.get""",
        _node("test_repetition", "test_a_mention_and_its_message_are_one_message"),
    ),
    Mutant(
        "P2",
        "words of an edit that overtook its message stay in the message",
        SERVICES + "messages.py",
        """        if kept is not None and kept.get("provisional") and not provisional:""",
        """        if kept is None and not provisional and deps is None:""",
        _node("test_orders", "test_an_edit_that_overtakes_its_message_leaves_the_message_its_own_words"),
    ),
    # --- P3: one effect -----------------------------------------------------------------------------------------
    Mutant(
        "P3",
        "a doubtful call is taken for one that was not applied",
        SERVICES + "outcomes.py",
        """    forget = not error.doubtful and not work.call.retry""",
        """    forget = True""",
        _node("test_recovery", "test_an_answer_that_got_lost_is_looked_up_before_it_is_sent_again"),
    ),
    Mutant(
        "P3",
        "nobody waits for the worker that is at it",
        "chalicelib/core/ledger.py",
        """    if call and call["until"] > now:
        return Idle(call["until"])""",
        """    if call and call["until"] < 0:
        return Idle(call["until"])""",
        _node("test_overtaken", "test_nobody_acts_before_the_slow_worker_must_be_dead"),
    ),
    Mutant(
        "P3",
        "the lane is claimed without a condition",
        SERVICES + "effects.py",
        """        return deps.table.update(Update(head["pk"], keys.HEAD, set={"call": call}, when=when))""",
        """        return deps.table.update(Update(head["pk"], keys.HEAD, set={"call": call}))""",
        _node(
            "test_races", "test_two_workers_on_one_lane_make_one_ticket", "test_two_workers_on_one_lane_send_one_answer"
        ),
    ),
    Mutant(
        "P3",
        "a lookup that finds nothing counts at once",
        SERVICES + "effects.py",
        """    if deps.now() < call["attempted_at"] + settle:""",
        """    if deps.now() < call["attempted_at"] - settle:""",
        _node("test_recovery", "test_a_lookup_that_finds_nothing_counts_only_after_the_settle_time"),
    ),
    Mutant(
        "P3",
        "a call that cannot be looked up is repeated rather than shown",
        "chalicelib/core/ledger.py",
        """        return "wait" if now < int(call["started_at"]) + settle_ms else "unknown"
    return "unknown\"""",
        """        return "repeat"
    return "repeat\"""",
        _node("test_recovery", "test_a_doubt_that_nothing_settles_is_shown_to_a_person"),
    ),
    Mutant(
        "P3",
        "Slack's message does not carry the call's id",
        "connectors/slack/send.py",
        """"event_payload": {"call_id": call.id}""",
        """"event_payload": {"call_id": ""}""",
        _node("test_recovery", "test_an_answer_that_got_lost_is_looked_up_before_it_is_sent_again"),
    ),
    Mutant(
        "P3",
        "Zendesk's new ticket has no idempotency key",
        "connectors/zendesk/session.py",
        """"Idempotency-Key": _key.get()}""",
        """"X-Another-Key": _key.get()}""",
        _node("test_recovery", "test_a_new_ticket_bears_its_calls_key"),
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
        _node("test_lanes", "test_a_retried_entry_goes_first_and_the_others_keep_their_order"),
    ),
    Mutant(
        "P4",
        "skipping a joined call skips its first entry only",
        SERVICES + "lanes.py",
        """        change["first"] = last + 1
    if skip or""",
        """        change["first"] = first + 1
    if skip or""",
        _node("test_lanes", "test_joined_messages_that_fail_are_retried_or_skipped_together"),
    ),
    Mutant(
        "P4",
        "joined messages stand in the order of their ids",
        SERVICES + "to_crm.py",
        """    lines = sorted(work.messages, key=lambda message: message["sort"])""",
        """    lines = sorted(work.messages, key=lambda message: message["sort"], reverse=True)""",
        _node("test_lanes", "test_messages_reach_the_ticket_in_the_order_of_the_channel"),
    ),
    Mutant(
        "P4",
        "messages of different people share a comment",
        SERVICES + "messages.py",
        """        join = f"comment {item['customer']}\"""",
        """        join = "comment\"""",
        _node("test_lanes", "test_waiting_messages_of_two_people_are_two_comments"),
    ),
    Mutant(
        "P4",
        "the entries' numbers are not guarded by the conversation's version",
        SERVICES + "messages.py",
        """    return Update(conversation["pk"], set={**change, "version": version + 1}, when={"version": version})""",
        """    return Update(conversation["pk"], set={**change, "version": version + 1})""",
        _node("test_overtaken", "test_a_worker_overtaken_at_its_write_reads_again"),
    ),
    # --- P5: no loops -------------------------------------------------------------------------------------------
    Mutant(
        "P5",
        "our own comments come back as news",
        SERVICES + "outcomes.py",
        """        writes += [Put({"pk": keys.message(head["connection"], key), **ours}) for key in done.keys]""",
        """        ours.clear()""",
        _node("test_silence", "test_what_we_write_ourselves_does_not_come_back_as_news"),
    ),
    Mutant(
        "P5",
        "a ticket is read while our own call on it is open",
        SERVICES + "hints.py",
        """    if before.get("call") and not before.get("held"):
        return _wait_for_call(hint, delivery, lane, deps)
""",
        "",
        _node("test_recovery", "test_a_comment_of_ours_whose_call_is_open_is_not_taken_for_somebody_elses"),
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
        _node(
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
        _node("test_outages", "test_slack_is_not_called_before_its_retry_after_is_over[90]"),
    ),
    Mutant(
        "P5",
        "an account's limit is taken for one lane's",
        SERVICES + "outcomes.py",
        """    if error.scope == "connection":
        deps.connections.wait""",
        """    if error.scope == "nobody":
        deps.connections.wait""",
        _node("test_outages", "test_zendesk_is_not_called_at_all_before_its_retry_after_is_over[90]"),
    ),
    # --- P6: private stays private ------------------------------------------------------------------------------
    Mutant(
        "P6",
        "the last door before the customer stands open",
        SERVICES + "to_channel.py",
        """    guard(message)
""",
        "",
        _node("test_privacy", "test_an_entry_that_names_a_private_record_does_not_leave_the_house"),
    ),
    Mutant(
        "P6",
        "notes become answers",
        SERVICES + "messages.py",
        """        to_customer = event.public and event.author.role is not Role.CUSTOMER""",
        """        to_customer = event.author.role is not Role.CUSTOMER""",
        _node("test_privacy", "test_a_note_makes_no_work_for_the_customers_channel"),
    ),
    Mutant(
        "P6",
        "a comment is public unless it says that it is private",
        "connectors/zendesk/read.py",
        """        public=comment.get("public") is True,""",
        """        public=comment.get("public") is not False,""",
        _node("test_privacy", "test_a_comment_is_private_unless_zendesk_says_that_it_is_public"),
    ),
    Mutant(
        "P6",
        "edits are told to the ticket in public",
        SERVICES + "to_crm.py",
        """for entry in work.entries), public=False)""",
        """for entry in work.entries), public=True)""",
        _node("test_privacy", "test_an_edit_is_told_to_agents_alone"),
    ),
    Mutant(
        "P6",
        "an exception's words are logged",
        "chalicelib/log.py",
        """outcome="bug", error=type(error).__name__""",
        """outcome="bug", error=str(error)""",
        _node("test_privacy", "test_a_bugs_words_stay_out_of_the_log"),
    ),
    # --- P7: both sides converge --------------------------------------------------------------------------------
    Mutant(
        "P7",
        "a customer's new message does not reopen",
        "chalicelib/core/threading.py",
        """    Status.SOLVED: Status.OPEN,""",
        """    Status.SOLVED: Status.SOLVED,""",
        _node("test_convergence", "test_a_customers_new_message_reopens_on_both_sides"),
    ),
    Mutant(
        "P7",
        "a message that crossed solved stays in a solved ticket",
        SERVICES + "to_crm.py",
        """    stands = _stands(work, written, sent)""",
        """    stands = None""",
        _node("test_convergence", "test_a_message_that_crosses_solved_reopens_the_ticket"),
    ),
    Mutant(
        "P7",
        "the CRM's status is not taken over",
        "chalicelib/core/merge.py",
        """    if ours == agreed or not agreed:
        return theirs, False, ()""",
        """    if ours == agreed or not agreed:
        return ours, False, ()""",
        _node("test_convergence", "test_a_missed_webhook_is_mended_by_the_poll"),
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
        _node("test_overtaken", "test_a_hint_that_waits_for_our_own_call_is_read_as_soon_as_the_call_is_done"),
    ),
    Mutant(
        "P7",
        "what a paused connection kept is not worked off",
        SERVICES + "connections.py",
        """        return lanes.release_paused(connection_id, self.deps)""",
        """        return 0 if lanes else 1""",
        _node("test_recovery", "test_resuming_a_connection_releases_its_lanes_at_once"),
    ),
    # --- P8: bad input gets a clear refusal ---------------------------------------------------------------------
    Mutant(
        "P8",
        "a bad signature is accepted",
        "connectors/signing.py",
        """    if not any(matches):""",
        """    if not matches:""",
        _node("test_refusals", "test_a_forgery_is_401_a_metric_and_no_record"),
    ),
    Mutant(
        "P8",
        "a bad signature is accepted once the settings have been read again",
        SERVICES + "receive.py",
        """        if fresh is None or not _verified_by(fresh, request):""",
        """        if fresh is None:""",
        _node("test_refusals", "test_a_forgery_is_refused_also_where_the_settings_are_read_again"),
    ),
    Mutant(
        "P8",
        "an old request may be replayed",
        "connectors/signing.py",
        """    if abs(now - sent_at) > WINDOW_MS:""",
        """    if abs(now - sent_at) > WINDOW_MS * 100:""",
        _node("test_refusals", "test_a_forgery_is_401_a_metric_and_no_record[stale-slack]"),
    ),
    Mutant(
        "P8",
        "depth is not limited",
        SERVICES + "receive.py",
        """            if depth > DEEPEST:
                return True""",
        """            if depth < 0:
                return True""",
        _node("test_bad_input", "test_bad_input_over_http_gets_its_refusal_and_leaves_nothing[too deep]"),
    ),
    Mutant(
        "P8",
        "any number of unknown ids is looked up",
        SERVICES + "connections.py",
        """        return second == now // 1000 and count >= _UNKNOWN_A_SECOND""",
        """        return second < 0 and count >= _UNKNOWN_A_SECOND""",
        _node("test_refusals", "test_a_stranger_who_tries_many_ids_does_not_keep_the_known_connection_out"),
    ),
    Mutant(
        "P8",
        "a connection answers under another provider's name",
        SERVICES + "connections.py",
        """        return connector if connector.name == provider else None

    def reread""",
        """        return connector

    def reread""",
        _node("test_refusals", "test_an_unknown_connection_is_verified_like_a_known_one[slack/{zendesk}]"),
    ),
)
