"""Decisions in the form other programs read: each format writes one text, the same for equal decisions."""
