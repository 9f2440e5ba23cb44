"""The log: a Merkle tree over entries, signed checkpoints, cosignatures of witnesses, proofs that stand alone.

merkle -> tiles -> notes -> checkpoints -> cosignatures -> proofs -> witnesses; `files` alone touches the disk.
"""
