"""Nouns only: the values that the stages hand to each other. Frozen, typed, without behaviour that could surprise."""
