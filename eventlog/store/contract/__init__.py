"""What every store answers, noun by noun, and the records that it moves.

`log` is the store as a whole, with its two writes: `append` and `erase`.

May import: `format`, `proof`, `redis`.
"""
