"""What a network costs: parameters, multiply-adds, memory kept for the backward pass."""
