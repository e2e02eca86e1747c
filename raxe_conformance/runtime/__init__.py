"""The detector: normalise, tokenize, embed, classify, explain."""
