"""Keys: rings that close the data keys of streams, and the data keys.

May import: `store`, and downwards.
"""

from eventlog.keys.ring import (
    CalledKeyRing,
    KeyRing,
    LocalKeyRing,
    NotOpenedError,
    keyring_from_environment,
    keyring_from_file,
    new_key,
    parse_keyring,
)

__all__ = [
    "CalledKeyRing",
    "KeyRing",
    "LocalKeyRing",
    "NotOpenedError",
    "keyring_from_environment",
    "keyring_from_file",
    "new_key",
    "parse_keyring",
]
