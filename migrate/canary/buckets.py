"""Which side a user gets: the rule of flagd's `fractional`, so that exports, simulations and checks mean the same.

flagd core 2.0.0 hashes the canonical CBOR of the value with murmur3 (32 bits) and walks the cumulated weights; 1.0.0
hashed the text itself, so that an upgrade in the middle of a rollout reshuffles the users.
"""

from __future__ import annotations

import struct
from typing import Final

HASH_RULE: Final = "flagd-core 2.0.0: murmur3_32 of the CBOR text of flag key and targeting key, joined"
WHOLE: Final = 10_000
"""Sum of all weights: shares are whole hundredths of a percent."""

_MASK: Final = 0xFFFFFFFF


def flag_key(flow: str, candidate: str) -> str:
    """Return the name of the flag of one flow and candidate; it salts the hash, flow by flow."""
    return f"{flow}--{candidate}"


def is_candidate(flag: str, user: str, share: float) -> bool:
    """Say whether a user is on the candidate's side; who is stays there when the share grows."""
    bucket = (murmur3(_cbor_text(flag + user)) * WHOLE) >> 32
    return bucket < weight(share)


def weight(share: float) -> int:
    """Return the whole weight of a share, of `WHOLE`."""
    return round(share * WHOLE)


def _cbor_text(text: str) -> bytes:
    """Return the canonical CBOR of a text: RFC 8949, major type 3."""
    encoded = text.encode()
    size = len(encoded)
    if size < 24:
        return bytes([0x60 | size]) + encoded
    if size < 256:
        return bytes([0x78, size]) + encoded
    return bytes([0x79]) + struct.pack(">H", size) + encoded


def murmur3(data: bytes, seed: int = 0) -> int:
    """Return A. Appleby's MurmurHash3 for x86, 32 bits, unsigned."""
    hashed, whole = seed, len(data) // 4 * 4
    for (word,) in struct.iter_unpack("<I", data[:whole]):
        hashed ^= _stirred(word)
        hashed = ((hashed << 13) | (hashed >> 19)) & _MASK
        hashed = (hashed * 5 + 0xE6546B64) & _MASK
    if len(data) > whole:
        hashed ^= _stirred(int.from_bytes(data[whole:], "little"))
    return _finished(hashed ^ len(data))


def _stirred(word: int) -> int:
    word = (word * 0xCC9E2D51) & _MASK
    word = ((word << 15) | (word >> 17)) & _MASK
    return (word * 0x1B873593) & _MASK


def _finished(hashed: int) -> int:
    hashed = ((hashed ^ (hashed >> 16)) * 0x85EBCA6B) & _MASK
    hashed = ((hashed ^ (hashed >> 13)) * 0xC2B2AE35) & _MASK
    return hashed ^ (hashed >> 16)
