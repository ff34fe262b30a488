"""What every store answers, noun by noun, and the records that it moves.

May import: `format`, `proof`, `redis`.
"""
