"""What a model says of texts."""
