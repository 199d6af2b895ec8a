"""The condition language: rules over what is known of a person. One kind of condition, one file.

A condition judges a state at an instant and says when, by the passing of time alone, it can next change (law 3).
"""
