"""Twilio's error codes: what they mean for a person. https://www.twilio.com/docs/api/errors"""

from __future__ import annotations

BAD_CREDENTIALS: dict[int, str] = {
    20003: "give this connection the account's SID and its auth token, or an API key of the same account",
    20005: "the account is suspended or closed: sign in to Twilio and see why",
    20008: "these are the test credentials: take the live ones",
}
TRY_LATER: dict[int, float] = {  # seconds to wait where Twilio does not say
    14107: 60,
    20429: 10,
    21611: 60,  # the number's own queue is full
    63038: 3600,  # the account's daily limit
}
REASONS: dict[int, str] = {
    21211: "this is no telephone number that Twilio can reach",
    21265: "this number cannot receive an SMS",
    21266: "sender and recipient are the same number",
    21408: "the account may not send to this country: Messaging > Settings > Geo permissions",
    21606: "our number cannot send to this one",
    21610: "the customer has opted out (STOP); nothing reaches them until they write START",
    21612: "there is no way from our number to this one",
    21614: "this is no mobile number, or not a valid one",
    21617: "the message is too long for Twilio",
    21620: "Twilio cannot use the address of the file",
    21623: "Twilio cannot reach the address of the file",
    21635: "this is a landline: it cannot receive an SMS",
    21659: "the number of this connection is not one of the account's",
    21660: "the number of this connection belongs to another account",
    21703: "the messaging service has no number: add one to its sender pool",
    21705: "there is no such messaging service in the account",
    21712: "the number is not in the messaging service's sender pool",
    30002: "the account was suspended between queuing and sending",
    30003: "the phone is switched off or out of reach",
    30004: "the recipient or the carrier blocks messages from us",
    30005: "the number is unknown or no longer in use",
    30006: "this is a landline, or the carrier cannot be reached",
    30007: "the carrier filtered the message as unwanted",
    30008: "the carrier gave no reason",
    30010: "the message costs more than the account's limit",
    30019: "the file is too large for the carrier",
    30022: "the carrier's daily limit for our brand is used up",
    30032: "the toll-free number is not verified yet",
    30034: "our number is not registered for messages to the USA (A2P 10DLC)",
    30044: "a trial account sends short messages only",
    30453: "Twilio held the message back as fraud (SMS pumping)",
}
