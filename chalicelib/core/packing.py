"""Raw deliveries, packed to keep beside what they brought: deflate with a preset dictionary.

A delivery of a kilobyte is mostly the provider's own field names and words that the item holds already. With both as a
preset dictionary (RFC 1950, section 2.2) it shrinks to a quarter, and message and raw delivery fit into one write unit.
The first byte names the dictionary; a dictionary that was ever used stays here for good.
"""

from __future__ import annotations

import zlib

_CURRENT = 1
_DICTIONARIES = {
    1: (
        b'"created_at":"updated_at":"attachments":[{"content_type":"url":"name":"size":"id":"subject":"from":"to":"body":'
        b'"mimetype":"filetype":"url_private":"url_private_download":"permalink":"title":"files":[{"subtype":"file_share",'
        b'"previous_message":{"edited":{"subtype":"message_changed","deleted_ts":"subtype":"message_deleted","hidden":true'
        b'"ticket_id":"external_id":"deskweave:"detail":{"type":"zen:event-type:ticket.'
        b'"authorizations":[{"enterprise_id":null,"team_id":"T0","user_id":"U0","is_bot":true,'
        b'"is_enterprise_install":false}],"is_ext_shared_channel":false,"event_context":"4-'
        b'{"token":"","team_id":"T0","api_app_id":"A0","event":{"user":"U0","type":"message","ts":"17",'
        b'"client_msg_id":"","text":"","team":"T0","thread_ts":"17","parent_user_id":"U0","blocks":[{"type":"rich_text",'
        b'"block_id":"","elements":[{"type":"rich_text_section","elements":[{"type":"text","text":""}]}]}],'
        b'"channel":"C0","event_ts":"17","channel_type":"channel"},"type":"event_callback","event_id":"Ev0",'
        b'"event_time":17'
    )
}


def pack(body: bytes, beside: str) -> bytes:
    """Pack a delivery; `beside` is what stands in the item beside it, and is needed again to unpack."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY, _dictionary(_CURRENT, beside))
    return bytes([_CURRENT]) + packer.compress(body) + packer.flush()


def unpack(packed: bytes, beside: str) -> bytes:
    """The delivery as it came. Raises `ValueError` where it cannot be unpacked."""
    if not packed or packed[0] not in _DICTIONARIES:
        raise ValueError("packed with a dictionary that this version does not know")
    unpacker = zlib.decompressobj(-15, _dictionary(packed[0], beside))
    try:
        return unpacker.decompress(packed[1:]) + unpacker.flush()
    except zlib.error as error:
        raise ValueError(f"cannot be unpacked: {error}") from None


def _dictionary(version: int, beside: str) -> bytes:
    # Deflate looks back 32 KB; what stands last is cheapest to refer to.
    return (_DICTIONARIES[version] + beside.encode("utf-8", "replace"))[-32_000:]
