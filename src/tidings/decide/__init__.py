"""Deciding: may this message go to this person now? Pure: state and the instant in, permission or a reason out."""
