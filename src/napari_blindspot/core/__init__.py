"""Plain data that every other room imports: events, notices, results, models, errors, controls, words.

Nothing here computes on pixels, opens a file or imports torch, and nothing here imports another room.
"""
