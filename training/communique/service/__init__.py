"""A saved model at work for browsers and for other programs."""
