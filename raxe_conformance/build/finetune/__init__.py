"""Fine-tuning an encoder for prompt attacks, with or without a window selector before it (extra `train`)."""
