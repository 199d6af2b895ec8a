"""Memories of events, one kind a file: bounded, and a function of the set of events whatever their order (law 1).

Computed traits and conditions are both made of these. Every kind is a commutative merge: folding events one by one in
any order, or merging two halves, gives the same value.
"""
