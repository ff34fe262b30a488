"""The mathematics of proofs: the Merkle tree of RFC 6962 and signed notes. Pure.

May import: `format`.
"""
