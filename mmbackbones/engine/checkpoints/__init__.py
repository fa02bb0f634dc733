"""The checkpoints of a training run: how they are written, what they say of it, and which stay."""
