"""Articles in, statements out: who said what, as an article gives it."""
