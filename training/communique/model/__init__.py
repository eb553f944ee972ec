"""A fitted model is data: arrays and plain values, kept in a file that cannot run code."""
