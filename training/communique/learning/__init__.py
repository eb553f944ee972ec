"""From labelled statements to a model: the one floor, with evaluation, where scikit-learn comes in."""
