"""Making variants: weights by hash, export, quantization, heads, packing. Heavy imports stay inside functions."""
